// Strategies, checks and come-backs of a reload, on a whole master with a fake python.
#include "master/succession.h"

#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct Strategies : ::testing::TestWithParam<const char*> {};

TEST_P(Strategies, NewCodeTakesOver) {
    TestServer server("good", 3);
    server.add_arguments({"--reload-strategy", GetParam()});
    server.start();
    server.expect("serving on");
    const CommandAnswer answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(holds(answer.text, "generation 2 serves with 3 workers")) << answer.text;
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_TRUE(holds(status, "\"state\": \"serving\"")) << status;
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Strategies,
                         ::testing::Values("whole", "roll", "chain", "stop-start"));

TEST(Succession, RollServesEachNewWorkerBeforeItsOldOneRetires) {
    TestServer server("good", 2);
    server.add_arguments({"--reload-strategy", "roll"});
    server.start();
    server.expect("serving on");
    server.signal(SIGHUP);
    server.expect("generation 2: ready > serving");  // worker 1 of
    server.expect("generation 1: serving > retiring");
    server.expect("generation 2: ready > serving");
    server.expect("generation 1: serving > retiring");
    server.expect("reloaded: generation 2");
}

TEST(Succession, ChainNeverHasTwoProcessesOfOneId) {
    TestServer server("good", 2);
    server.add_arguments({"--reload-strategy", "chain"});
    server.start();
    server.expect("serving on");
    server.signal(SIGHUP);
    for (const char* slot : {"worker 1 (pid ", "worker 2 (pid "}) {
        server.expect("generation 1: retiring > dead", slot);
        server.expect("generation 2: ordered > starting", slot);
        server.expect("generation 2: ready > serving", slot);
    }
    server.expect("reloaded: generation 2");
}

TEST(Succession, FailureInTheMiddleOfARollBringsTheOldWorkersBack) {
    for (const char* strategy : {"roll", "chain"}) {
        TestServer server("good", 2);
        server.add_arguments({"--reload-strategy", strategy, "--reload-check", "/health"});
        server.start();
        server.expect("serving on");
        server.set_module("sick-2");
        const CommandAnswer answer = server.ask(Command::reload);
        EXPECT_EQ(answer.status, 1);
        EXPECT_TRUE(holds(answer.text, "reload-check /health: worker 2 (pid ")) << answer.text;
        server.expect("reload rolled back");
        server.expect("generation 1: ready > serving");
        if (std::string(strategy) == "chain") server.expect("generation 1: ready > serving");
        EXPECT_TRUE(holds(server.ask(Command::status_json).text, "\"generation\": 1,"));
        server.set_module("good");
        EXPECT_EQ(server.ask(Command::reload).status, 0);
    }
}

TEST(Succession, StopStartThatFailsIsTriedAgain) {
    TestServer server("good", 2);
    server.add_arguments({"--reload-strategy", "stop-start"});
    server.start();
    server.expect("serving on");
    server.set_module("broken");
    const CommandAnswer answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(holds(answer.text, "nothing serves")) << answer.text;
    EXPECT_TRUE(holds(server.ask(Command::status_json).text, "\"state\": \"down\""));
    server.expect("the next try is in");
    server.set_module("good");
    server.expect("reloaded: generation");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Succession, CheckThatIsNotAnswered200RollsBack) {
    TestServer server("good");
    server.add_arguments({"--reload-check", "/health", "--reload-check-timeout", "300ms"});
    server.start();
    server.expect("serving on");
    server.set_module("sick");
    CommandAnswer answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(holds(answer.text, "answered 500 Oh no:\nthe database is away")) << answer.text;
    server.set_module("mute");
    answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(holds(answer.text, "without an answer")) << answer.text;
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
}

TEST(Succession, GenerationThatLoopsGivesWayToTheLastGoodOne) {
    TestServer server("good", 2);
    server.start();
    server.expect("serving on");
    server.set_module("loops");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("generation 2 is crash looping");
    server.expect("generation 1 comes back");
    server.expect("came back: generation 1 serves with 2 workers");
    server.expect("generation 2 is gone");
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_TRUE(holds(status, "\"generation\": 1,")) << status;
    EXPECT_TRUE(holds(status, "\"state\": \"serving\"")) << status;
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
}

TEST(Succession, LoopWithoutAnOlderGenerationIsToldAsSuch) {
    TestServer server("loops");
    server.start();
    server.expect("generation 1 is crash looping");
    EXPECT_TRUE(holds(server.ask(Command::status_json).text, "\"state\": \"crash looping\""));
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    EXPECT_TRUE(holds(server.ask(Command::status_json).text, "\"state\": \"serving\""));
}

TEST(Succession, ConfirmedGenerationLetsTheOldOneGo) {
    TestServer server("good");
    server.loaded.options.reload_confirm = std::chrono::milliseconds(0);
    server.add_arguments({"--reload-confirm", "200ms"});
    server.start();
    server.expect("serving on");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    server.expect("generation 1: serving > standby");
    server.expect("generation 2 is confirmed");
    server.expect("generation 1 is gone");
}

TEST(Succession, AtMostThreeGenerationsLive) {
    TestServer server("stubborn");
    server.add_arguments({"--reload-confirm", "0", "--worker-reload-mercy", "2s"});
    server.loaded.options.worker_reload_mercy = std::chrono::seconds(2);
    server.start();
    server.expect("serving on");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    EXPECT_EQ(server.ask(Command::reload).status, 0);
    // Generations 1 and 2 still have their workers.
    server.signal(SIGHUP);
    server.expect("the reload waits: workers of generation 1 still finish their requests");
    server.signal(SIGHUP);
    server.expect("joins the one that waits");
    server.expect("generation 1 is gone");
    server.expect("reloaded: generation 4");
}

TEST(Succession, DrainDelayGoesOnServing) {
    TestServer server("good");
    server.loaded.options.drain_delay = std::chrono::milliseconds(500);
    server.start();
    server.expect("serving on");
    server.signal(SIGTERM);
    server.expect("draining (SIGTERM");
    EXPECT_TRUE(holds(server.ask(Command::status_json).text, "\"state\": \"draining\""));
    server.expect("the time to drain is over");
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Succession, SecondSignalCutsADrainShort) {
    TestServer server("good");
    server.loaded.options.drain_delay = std::chrono::minutes(10);
    server.start();
    server.expect("serving on");
    server.signal(SIGTERM);
    server.expect("draining (SIGTERM");
    server.signal(SIGTERM);
    server.expect("stopping at once");
    EXPECT_EQ(server.wait_for_exit(), 0);
}

}  // namespace
}  // namespace mew::master
