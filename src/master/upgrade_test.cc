// Upgrades of a real master by fake_python, which takes its place as the installed program would;
// what another build changes is in tests/integration/test_upgrade.py.

#include <csignal>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/crash_loop.h"
#include "master/test_server.h"

namespace mew::master {
namespace {

using testing::HasSubstr;

std::string shown_worker(pid_t pid) { return "\"pid\": " + std::to_string(pid); }

std::size_t descriptors_of_process(pid_t pid) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
        ++count;
    return count;
}

TEST(Upgrade, TheNewProgramGoesOnAsTheMaster) {
    TestServer server("good", 2);
    server.start();
    server.expect("serving on");
    const CommandAnswer answer = server.ask(Command::upgrade);
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_THAT(answer.text, HasSubstr("upgraded from 0.0.1 (build "));
    EXPECT_THAT(answer.text, HasSubstr("generation 2 serves with 2 workers"));
    server.expect("goes on as the master that was 0.0.1");
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_THAT(status, HasSubstr("\"version\": \"0.0.2\""));
    EXPECT_THAT(status, HasSubstr("\"reloads\": 1"));
    EXPECT_EQ(server.ask(Command::reload).text, "reloaded: generation 3 serves with 2 workers\n");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Upgrade, ManyInARowKeepNoDescriptor) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("generation 2: retiring > gone");
    EXPECT_EQ(server.ask(Command::status).status, 0);
    const std::size_t before = descriptors_of_process(server.pid());
    for (int number = 4; number < 9; ++number) {
        EXPECT_EQ(server.ask(Command::upgrade).status, 0);
        server.expect("generation " + std::to_string(number - 1) + ": retiring > gone");
    }
    // What a generation or a client had is closed at the end of the turn that tells of it.
    std::size_t after = before + 1;
    for (int asked = 0; asked < 1000 && after > before; ++asked) {
        EXPECT_EQ(server.ask(Command::status).status, 0);
        after = descriptors_of_process(server.pid());
    }
    EXPECT_LE(after, before);
}

TEST(Upgrade, AProgramThatCannotAdoptChangesNothing) {
    TestServer server("good");
    server.start();
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("serving on");
    server.answer_adopt_check("its layouts differ; restart needed");
    const CommandAnswer answer = server.ask(Command::upgrade);
    EXPECT_EQ(answer.status, 1);
    EXPECT_THAT(answer.text, HasSubstr("not upgraded"));
    EXPECT_THAT(answer.text, HasSubstr("its layouts differ; restart needed"));
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_THAT(status, HasSubstr(shown_worker(worker)));
    EXPECT_THAT(status, HasSubstr("\"version\": \"0.0.1\""));
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.answer_adopt_check("yes");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);
}

TEST(Upgrade, BrokenCodeLeavesTheWorkersToTheNewMaster) {
    TestServer server("good");
    server.start();
    const pid_t zygote = TestServer::pid_in(server.expect("zygote of generation 1 started"));
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("serving on");
    server.set_module("broken");
    const CommandAnswer answer = server.ask(Command::upgrade);
    EXPECT_EQ(answer.status, 1);
    EXPECT_THAT(answer.text, HasSubstr("the master was upgraded from 0.0.1 (build "));
    EXPECT_THAT(answer.text, HasSubstr("Traceback: the app is broken"));
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_THAT(status, HasSubstr(shown_worker(worker)));
    EXPECT_THAT(status, HasSubstr("\"version\": \"0.0.2\""));
    // All are led by the new master: a worker comes back from the old build's zygote, and once that
    // died, from its reserve.
    ::kill(worker, SIGKILL);
    server.expect("was killed by SIGKILL");
    const pid_t next = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    ::kill(zygote, SIGKILL);
    server.expect("takes the zygote's place; nothing is imported again");
    EXPECT_THAT(server.ask(Command::status_json).text, HasSubstr(shown_worker(next)));
    ::kill(next, SIGKILL);
    server.expect("spawned mewsgi worker 1");
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
}

TEST(Upgrade, WaitsForTheReloadThatIsUnderWayAndEverybodyHears) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    server.set_module("hangs");
    CommandAnswer first;
    CommandAnswer second;
    CommandAnswer third;
    std::thread one([&] { first = server.ask(Command::reload); });
    const pid_t zygote = TestServer::pid_in(server.expect("zygote of generation 2 started"));
    server.expect("import hangs");
    server.set_module("good");
    std::thread two([&] { second = server.ask(Command::upgrade); });
    server.expect("upgrade asked by pid");
    std::thread three([&] { third = server.ask(Command::reload); });
    server.expect("reload asked by pid");
    ::kill(zygote, SIGKILL);
    one.join();
    two.join();
    three.join();
    EXPECT_EQ(first.status, 1);
    EXPECT_EQ(second.status, 0) << second.text;
    EXPECT_THAT(second.text, HasSubstr("upgraded from 0.0.1"));
    EXPECT_EQ(third.text, second.text);
}

TEST(Upgrade, TheBuildBeforeComesBackIfTheNewOneLoops) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    server.set_module("loops");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);
    server.expect("generation 2 is crash looping: generation 1 comes back");
    server.expect("came back: generation 1 serves with 1 worker");
}

TEST(Upgrade, OneThatStandsByStillDoes) {
    TestServer server("good");
    server.add_arguments({"--reload-confirm", "10m"});
    server.start();
    server.expect("serving on");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.set_module("broken");
    EXPECT_EQ(server.ask(Command::upgrade).status, 1);
    pid_t worker =
        TestServer::pid_in(server.expect("worker 1", "of generation 2: ready > serving"));
    // Deaths of its own making, as far as the master can tell.
    for (std::size_t death = 1; death < CrashLoop::kFewest; ++death) {
        ::kill(worker, SIGABRT);
        worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
        server.expect("of generation 2: ready > serving");
    }
    ::kill(worker, SIGABRT);
    server.expect("came back: generation 1 serves with 1 worker");
}

TEST(Upgrade, EachStrategyTakesOver) {
    for (const char* strategy : {"roll", "chain", "stop-start"}) {
        TestServer server("good", 2);
        server.add_arguments({"--reload-strategy", strategy});
        server.start();
        server.expect("serving on");
        const CommandAnswer answer = server.ask(Command::upgrade);
        EXPECT_EQ(answer.status, 0) << answer.text;
        EXPECT_THAT(answer.text, HasSubstr("generation 2 serves with 2 workers"));
        server.expect("generation 1: retiring > gone");
    }
}

TEST(Upgrade, AWorkerWhoseMercyRunsKeepsWhatIsLeftOfIt) {
    TestServer server("stubborn");
    server.loaded.options.worker_reload_mercy = std::chrono::milliseconds(1500);
    server.start();
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("serving on");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);
    const std::string end = server.expect("still had work after 1.5 s of mercy");
    EXPECT_THAT(end, HasSubstr("worker 1 (pid " + std::to_string(worker) + ") of generation 1"));
}

TEST(Upgrade, ThePidfileStaysHeld) {
    TestServer server("good");
    server.loaded.options.pidfile = server.folder / "app.pid";
    server.start();
    server.expect("serving on");
    EXPECT_EQ(server.ask(Command::upgrade).status, 0);

    TestServer second("good");
    second.loaded.options.pidfile = server.folder / "app.pid";
    second.start();
    second.expect("a server with pid " + std::to_string(server.pid()) + " is running");
    EXPECT_EQ(second.wait_for_exit(), kExitError);

    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
    EXPECT_FALSE(std::filesystem::exists(server.folder / "app.pid"));
}

TEST(Upgrade, StopWhileItIsAskedAnswersWhoWaits) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    server.answer_adopt_check("hang");
    CommandAnswer answer;
    std::thread waiting([&] { answer = server.ask(Command::upgrade); });
    server.expect("checking > changing");
    server.signal(SIGTERM);
    waiting.join();
    EXPECT_EQ(answer.status, 1);
    EXPECT_THAT(answer.text, HasSubstr("stopping"));
    EXPECT_EQ(server.wait_for_exit(), 0);
}

}  // namespace
}  // namespace mew::master
