// Fronts of a whole master, with test_front.h in their place and fake_python as workers.
#include "master/fronts.h"

#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Fronts, AreJoinedToEachWorkerThatServes) {
    TestServer server("good", 2);
    server.loaded.options.threads = 3;
    server.add_fronts(2);
    server.start();
    server.expect("fake front 1 (1000): serves http");
    for (const char* front : {"fake front 1 (1000): ", "fake front 2 (1000): "}) {
        for (const char* worker : {"worker 1", "worker 2"})
            server.await(std::string(front) + "channel to " + worker +
                         " of generation 1 with 3 cores");
    }
    server.await("fake worker 1: channel to front 2");
    server.await("fake worker 2: channel to front 1");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, OneThatDiesIsReplacedAndKnowsTheWorkersAgain) {
    TestServer server("good");
    server.add_fronts(1);
    server.start();
    const pid_t first = TestServer::pid_in(server.expect("spawned mewsgi front 1"));
    server.expect("channel to worker 1");
    ::kill(first, SIGKILL);
    server.expect("front 1 (pid " + std::to_string(first) + ") was killed by SIGKILL");
    const pid_t next = TestServer::pid_in(server.expect("spawned mewsgi front 1"));
    EXPECT_NE(next, first);
    server.expect("channel to worker 1 of generation 1");
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_THAT(status, HasSubstr("\"fronts\": 1,")) << "among the deaths";
    EXPECT_THAT(status, HasSubstr("\"pid\": " + std::to_string(next)));
    EXPECT_THAT(status, HasSubstr("\"deaths\": 1"));
    EXPECT_THAT(status, HasSubstr("\"requests\": 20")) << "counters go on";
    EXPECT_THAT(status, HasSubstr("\"channels\": 1,")) << "what is now begins anew";
    EXPECT_THAT(server.ask(Command::status).text, HasSubstr(" front "));
    EXPECT_THAT(server.seen(), Not(HasSubstr("respawn-delayed")));
}

TEST(Fronts, HearWhetherADeadWorkersRequestsMayBeRunAgain) {
    TestServer server("good");
    server.add_fronts(1);
    server.start();
    pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("channel to worker 1");
    ::kill(worker, SIGKILL);
    server.expect("worker 1 of generation 1 ended, again: yes");
    server.expect("channel to worker 1 of generation 1");
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("channel to worker 1 of generation 2");
    server.expect("worker 1 of generation 1 ended, again: yes");
}

TEST(Fronts, HearWhatAWorkerWasKilledFor) {
    TestServer server("stubborn");
    server.loaded.options.worker_reload_mercy = std::chrono::milliseconds(100);
    server.add_fronts(1);
    server.start();
    server.expect("channel to worker 1");
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect(
        "worker 1 of generation 1 ended, again: the master ended its worker because it "
        "still had work after 0.1 s of mercy");
}

TEST(Fronts, AWorkerThatBreaksTheRulesIsKilled) {
    TestServer server("good");
    server.add_fronts(1, test_front::kComplains);
    server.start();
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    const std::string end =
        server.expect("worker 1 (pid " + std::to_string(worker) + ")", "broke the rules");
    EXPECT_THAT(end, HasSubstr("of its channel to front 1"));
    EXPECT_THAT(end, HasSubstr("a state\\x0athat is none"));
    server.expect("ended, again: the master ended its worker because it broke the rules");
}

TEST(Fronts, ThatNeverGetReadyAreTriedMoreAndMoreSlowly) {
    TestServer server("good");
    server.add_fronts(1, test_front::kDies);
    server.start();
    server.expect("front 1 (pid", "exited with status 7");
    server.expect("front 1 starts again in 0.1 s");
    server.expect("front 1 starts again in 0.2 s");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, ThatDieRightAfterTheyGotReadyAreHeldBackToo) {
    TestServer server("good");
    server.add_fronts(1, test_front::kLoops);
    server.start();
    for (int death = 0; death < 10; ++death) server.expect("front 1 (pid", "exited with status 8");
    EXPECT_THAT(server.seen(), Not(HasSubstr("starts again in")));
    server.expect("front 1 starts again in 0.1 s");
}

TEST(Fronts, LiveOnAcrossGenerations) {
    TestServer server("good");
    server.add_fronts(1);
    server.start();
    const pid_t front = TestServer::pid_in(server.expect("spawned mewsgi front 1"));
    server.expect("serving on");
    for (int generation = 2; generation < 5; ++generation) {
        EXPECT_EQ(server.ask(Command::reload).status, 0);
        server.expect("channel to worker 1 of generation " + std::to_string(generation));
    }
    server.expect("worker 1 of generation 3 ended");
    EXPECT_EQ(::kill(front, 0), 0);
    EXPECT_THAT(server.seen(), Not(HasSubstr("start anew")));
}

TEST(Fronts, OthersComeWithTheOptionsThatTheyUse) {
    TestServer server("good");
    server.add_fronts(1);
    server.add_arguments({"--http-queue", "77"});  // as a reload finds it
    server.start();
    const pid_t old = TestServer::pid_in(server.expect("spawned mewsgi front 1"));
    server.expect("channel to worker 1 of generation 1");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("fronts start anew, since they use what changed: http-queue");
    server.await("fake front 1 (77): channel to worker 1 of generation 2");
    server.await("fake front 1 (1000): retires");
    server.await("front 1 (pid " + std::to_string(old) + ") exited with status 0");
    EXPECT_THAT(server.ask(Command::status_json).text, HasSubstr("\"requests\": 20"))
        << "what those before counted stays";
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("fake front 1 (77): channel to worker 1 of generation 3");
    EXPECT_THAT(server.seen(), Not(HasSubstr("fake front 1 (1000): channel to worker 1 of "
                                             "generation 3")));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, OfBeforeStayWhileTheNewOnesDoNotGetReady) {
    TestServer server("good");
    server.add_fronts(1);
    server.add_arguments({"--http-queue", std::to_string(test_front::kDies)});
    server.start();
    server.expect("channel to worker 1 of generation 1");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("front 1 starts again in 0.1 s");
    server.expect("front 1 starts again in 0.2 s");
    EXPECT_THAT(server.seen(),
                HasSubstr("fake front 1 (1000): channel to worker 1 of generation 2"));
    EXPECT_THAT(server.seen(), Not(HasSubstr("retires")));
    server.signal(SIGTERM);
    server.expect("fake front 1 (1000): retires");
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, MoreOrFewerOfThemComeWithAReload) {
    TestServer server("good");
    server.loaded.options.reuse_port = true;
    server.add_fronts(1);
    server.add_arguments({"--http-processes", "3"});
    server.start();
    server.expect("channel to worker 1 of generation 1");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    for (int front = 0; front < 3; ++front) server.expect("(1000): serves http");
    server.expect("fake front 1 (1000): retires");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, FinishBeforeTheWorkersAreTold) {
    TestServer server("good");
    server.add_fronts(1);
    server.start();
    server.expect("channel to worker 1");
    server.signal(SIGTERM);
    server.expect("fake front 1 (1000): retires");
    server.expect("worker 1 (pid", "of generation 1: serving > retiring");
    EXPECT_EQ(server.wait_for_exit(), 0);
    EXPECT_THAT(server.seen(), Not(HasSubstr("hung up")));
}

TEST(Fronts, WhoseClientsTakeLongDoNotTakeTheWorkersWholeMercy) {
    TestServer server("good");
    server.loaded.options.stop_mercy = std::chrono::milliseconds(800);
    server.add_fronts(1, test_front::kStubborn);
    server.start();
    server.expect("channel to worker 1");
    server.signal(SIGTERM);
    server.expect("fake front 1 (1002): retires");
    server.expect("worker 1 (pid", "of generation 1: serving > retiring");
    server.expect("still had work after 0.8 s of mercy");
    EXPECT_EQ(server.wait_for_exit(), 0);
    EXPECT_THAT(server.seen(), Not(HasSubstr("worker-killed")));
}

TEST(Fronts, AreKilledWithTheRest) {
    TestServer server("good");
    server.add_fronts(2, test_front::kStubborn);
    server.start();
    server.expect("serving on");
    server.signal(SIGQUIT);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, HearOfANewLog) {
    TestServer server("good");
    const std::string path = server.folder / "app.log";
    server.loaded.options.logto = path;
    server.add_fronts(1);
    server.start();
    const auto holds = [&](const std::string& text) {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {}).find(text) !=
               std::string::npos;
    };
    const auto until = [&](const std::string& text) {
        const auto deadline =
            std::chrono::steady_clock::now() + std::chrono::milliseconds(TestServer::kDeadline);
        while (!holds(text) && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        EXPECT_TRUE(holds(text)) << text;
    };
    until("channel to worker 1");
    server.signal(SIGUSR2);
    until("fake front 1 (1000): new log");
}

TEST(Fronts, OfTheBuildBeforeFinishAfterAnUpgrade) {
    TestServer server("good");
    server.add_fronts(1);
    server.start();
    const pid_t old = TestServer::pid_in(server.expect("spawned mewsgi front 1"));
    server.expect("channel to worker 1 of generation 1");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);
    const pid_t fresh = TestServer::pid_in(server.expect("spawned mewsgi front 1"));
    EXPECT_NE(fresh, old);
    server.expect("front 1 (pid " + std::to_string(old) + ") exited with status 0");
    EXPECT_THAT(server.seen(), HasSubstr("retires"));
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("channel to worker 1 of generation 3");
    EXPECT_EQ(::kill(fresh, 0), 0);
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Fronts, AnUpgradedMasterTellsThemOfWorkersThatItTookOver) {
    TestServer server("good");
    server.add_fronts(1);
    server.start();
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("channel to worker 1 of generation 1");
    server.set_module("broken");
    EXPECT_EQ(server.ask(Command::upgrade).status, 1);
    server.expect("channel to worker 1 of generation 1");
    ::kill(worker, SIGKILL);
    server.expect("worker 1 of generation 1 ended, again: yes");
    server.expect("channel to worker 1 of generation 1");
}

TEST(Fronts, ThatRetireGoOnWithTheirMercyAfterAnUpgrade) {
    TestServer server("good");
    server.add_fronts(1, test_front::kStubborn);
    server.add_arguments({"--http-queue", "77", "--worker-reload-mercy", "1500ms"});
    server.start();
    server.expect("channel to worker 1 of generation 1");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("fake front 1 (1002): retires");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);
    server.expect("still had work after 1.5 s of mercy");
}

}  // namespace
}  // namespace mew::master
