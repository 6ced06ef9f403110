#include "master/supervisor.h"

#include <thread>

#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

os::Fd pidfd_of(pid_t pid) { return os::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

TEST(Supervisor, StartsServesAndStopsInOrder) {
    TestServer server("good", 2);
    server.start();
    server.expect("mewsgi 0.0.1 (pid ");
    server.expect("app good loaded");
    server.expect("spawned mewsgi worker ");
    server.expect("spawned mewsgi worker ");
    server.expect("serving on");
    server.signal(SIGTERM);
    server.expect("stopping (SIGTERM");
    server.expect("stopped");
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, OneWorkerIsTheOnlyOne) {
    TestServer server("good");
    server.start();
    EXPECT_NE(server.expect("spawned mewsgi worker 1 (and the only) (pid: ").find("cores: 1)"),
              std::string::npos);
}

TEST(Supervisor, AppThatDoesNotLoadExits22) {
    TestServer server("broken");
    server.start();
    server.expect("Traceback: the app is broken");
    EXPECT_EQ(server.wait_for_exit(), kExitAppFailed);
}

TEST(Supervisor, ZygoteThatDiesWhileImportingExits22) {
    TestServer server("dies");
    server.start();
    server.expect("exited with status 3");
    EXPECT_EQ(server.wait_for_exit(), kExitAppFailed);
}

TEST(Supervisor, WorkerThatDiesAtTheStartExits1) {
    TestServer server("worker-dies", 2);
    server.start();
    server.expect("exited with status 7");
    EXPECT_EQ(server.wait_for_exit(), kExitError);
}

TEST(Supervisor, WorkerThatSaysWhyItFailedGivesItsStatus) {
    TestServer server("worker-fails");
    server.start();
    server.expect("Traceback: no app in this worker");
    EXPECT_EQ(server.wait_for_exit(), kExitAppFailed);
}

TEST(Supervisor, WorkersThatLockUpAtTheForkImportByThemselves) {
    TestServer server("locks", 3);
    server.loaded.options.worker_start_timeout = std::chrono::milliseconds(200);
    server.start();
    server.expect("app locks loaded");
    server.expect("was not ready within 0.2 s; from now on each worker of generation 1 imports");
    server.expect("app locks loaded");
    for (int i = 0; i < 3; ++i) server.expect("spawned mewsgi worker ");
    server.expect("serving on");
    EXPECT_EQ(server.seen().find(" error "), std::string::npos) << server.seen();
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
    const std::string& log = server.seen();
    EXPECT_EQ(log.find("imports the app by itself"), log.rfind("imports the app by itself")) << log;
}

TEST(Supervisor, AReloadWhoseWorkersLockUpAtTheForkCommits) {
    TestServer server("good", 2);
    server.loaded.options.worker_start_timeout = std::chrono::milliseconds(300);
    server.start();
    server.expect("serving on");
    server.set_module("locks");
    const CommandAnswer answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 0) << answer.text;
    server.expect("each worker of generation 2 imports");
    server.expect("reloaded: generation 2");
}

TEST(Supervisor, StopsWhileAnImportHangs) {
    TestServer server("hangs");
    server.start();
    server.expect("import hangs");
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, ReloadCommitsTheNextGeneration) {
    TestServer server("good", 2);
    server.start();
    server.expect("serving on");
    const CommandAnswer answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_NE(answer.text.find("generation 2 serves with 2 workers"), std::string::npos);
    server.expect("reloaded: generation 2");
    server.expect("generation 1 is gone");
    server.signal(SIGHUP);
    server.expect("reload asked by SIGHUP");
    server.expect("reloaded: generation 3");
}

TEST(Supervisor, ReloadOfBrokenCodeChangesNothing) {
    TestServer server("good");
    server.start();
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("serving on");
    for (const char* module : {"broken", "dies", "worker-dies", "worker-fails"}) {
        server.set_module(module);
        const CommandAnswer answer = server.ask(Command::reload);
        EXPECT_EQ(answer.status, 1) << module;
        EXPECT_NE(answer.text.find("the running code stays"), std::string::npos) << answer.text;
        server.expect("reload rolled back");
    }
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_NE(status.find("\"pid\": " + std::to_string(worker)), std::string::npos) << status;
    EXPECT_NE(status.find("\"generation\": 1"), std::string::npos) << status;
    EXPECT_NE(status.find("\"reload_failures\": 4"), std::string::npos) << status;
    server.set_module("good");
    EXPECT_EQ(server.ask(Command::reload).status, 0);
}

TEST(Supervisor, MistakeInTheConfigurationRejectsAReload) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    server.set_module("mistake");
    const CommandAnswer answer = server.ask(Command::reload);
    EXPECT_EQ(answer.status, 1);
    EXPECT_NE(answer.text.find("app.ini:3: modul is no option"), std::string::npos) << answer.text;
}

TEST(Supervisor, RequestsDuringAReloadBecomeOneThatFollows) {
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
    std::thread two([&] { second = server.ask(Command::reload); });
    std::thread three([&] { third = server.ask(Command::reload); });
    server.expect("follows the one that is under way");
    server.expect("follows the one that is under way");
    ::kill(zygote, SIGKILL);
    one.join();
    two.join();
    three.join();
    EXPECT_EQ(first.status, 1);
    EXPECT_NE(first.text.find("SIGKILL"), std::string::npos) << first.text;
    EXPECT_EQ(second.status, 0) << second.text;
    EXPECT_EQ(third.text, second.text);
    EXPECT_NE(second.text.find("generation 3"), std::string::npos) << second.text;
}

TEST(Supervisor, StopDuringAReloadAnswersWhoWaits) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    server.set_module("hangs");
    CommandAnswer answer;
    std::thread waiting([&] { answer = server.ask(Command::reload); });
    server.expect("import hangs");
    server.signal(SIGTERM);
    waiting.join();
    EXPECT_EQ(answer.status, 1);
    EXPECT_NE(answer.text.find("stopping"), std::string::npos) << answer.text;
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, AReloadWhileItStartsWaits) {
    TestServer server("hangs");
    server.start();
    server.expect("import hangs");
    CommandAnswer answer;
    std::thread waiting([&] { answer = server.ask(Command::reload); });
    server.expect("the reload waits");
    server.signal(SIGTERM);
    waiting.join();
    EXPECT_EQ(answer.status, 1);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, KilledWorkerIsReplacedAtOnceAndItsEndIsTold) {
    TestServer server("good");
    server.start();
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("serving on");
    ::kill(worker, SIGKILL);
    const std::string line = server.expect("was killed by SIGKILL");
    EXPECT_NE(line.find("worker 1 (pid " + std::to_string(worker) + ")"), std::string::npos);
    EXPECT_NE(line.find("requests"), std::string::npos);
    EXPECT_NE(TestServer::pid_in(server.expect("spawned mewsgi worker 1")), worker);
    EXPECT_EQ(server.seen().find("starts again in"), std::string::npos);
}

TEST(Supervisor, ReserveTakesTheZygotesPlace) {
    TestServer server("good");
    server.start();
    const pid_t zygote = TestServer::pid_in(server.expect("zygote of generation 1 started"));
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    server.expect("reserve of generation 1: importing > ready");
    // What lies on disk by now is another matter.
    server.set_module("broken");
    ::kill(zygote, SIGKILL);
    server.expect("takes the zygote's place");
    server.expect("reserve of generation 1: importing > ready");
    ::kill(worker, SIGKILL);
    server.expect("spawned mewsgi worker 1");
    EXPECT_EQ(server.seen().find("generation 2"), std::string::npos);
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, KilledReserveIsReplaced) {
    TestServer server("good");
    server.start();
    const pid_t reserve = TestServer::pid_in(server.expect("reserve of generation 1 forked"));
    server.expect("reserve of generation 1: importing > ready");
    ::kill(reserve, SIGKILL);
    server.expect("reserve of generation 1: ready > dead");
    server.expect("reserve of generation 1: importing > ready");
}

TEST(Supervisor, LossOfZygoteAndReserveBringsAGeneration) {
    TestServer server("good");
    server.start();
    const pid_t zygote = TestServer::pid_in(server.expect("zygote of generation 1 started"));
    const pid_t worker = TestServer::pid_in(server.expect("spawned mewsgi worker 1"));
    const pid_t reserve = TestServer::pid_in(server.expect("reserve of generation 1 forked"));
    server.set_module("broken");
    ::kill(server.pid(), SIGSTOP);
    ::kill(zygote, SIGKILL);
    ::kill(reserve, SIGKILL);
    ::kill(server.pid(), SIGCONT);
    server.expect("lost its zygote and has no reserve");
    server.expect("reload rolled back");
    server.expect("the next try is in");
    const std::string status = server.ask(Command::status_json).text;
    EXPECT_NE(status.find("\"pid\": " + std::to_string(worker)), std::string::npos) << status;
    server.set_module("good");
    server.expect("reloaded: generation");
}

TEST(Supervisor, StubbornWorkerDiesWhenItsMercyIsOver) {
    TestServer server("stubborn");
    server.loaded.options.stop_mercy = std::chrono::milliseconds(200);
    server.start();
    server.expect("serving on");
    server.signal(SIGTERM);
    server.expect("still had work after 0.2 s of mercy");
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, SecondSignalEndsItAtOnce) {
    TestServer server("stubborn");
    server.loaded.options.stop_mercy = std::chrono::minutes(10);
    server.start();
    server.expect("serving on");
    server.signal(SIGINT);
    server.expect("stopping (SIGINT");
    server.signal(SIGINT);
    server.expect("stopping at once");
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, QuitEndsItAtOnce) {
    TestServer server("stubborn");
    server.loaded.options.stop_mercy = std::chrono::minutes(10);
    server.start();
    server.expect("serving on");
    server.signal(SIGQUIT);
    EXPECT_EQ(server.wait_for_exit(), 0);
}

TEST(Supervisor, NobodyOutlivesAKilledMaster) {
    TestServer server("good", 2);
    server.start();
    const os::Fd zygote = pidfd_of(TestServer::pid_in(server.expect("zygote of generation 1 st")));
    const os::Fd one = pidfd_of(TestServer::pid_in(server.expect("spawned mewsgi worker")));
    const os::Fd two = pidfd_of(TestServer::pid_in(server.expect("spawned mewsgi worker")));
    server.signal(SIGKILL);
    EXPECT_TRUE(TestServer::is_gone(zygote.get()));
    EXPECT_TRUE(TestServer::is_gone(one.get()));
    EXPECT_TRUE(TestServer::is_gone(two.get()));
}

TEST(Supervisor, StatusGoesToTheLogOnUsr1) {
    TestServer server("good");
    server.start();
    server.expect("serving on");
    server.signal(SIGUSR1);
    server.expect("status: serving, generation 1, 1 workers (0 busy)");
}

TEST(Supervisor, LogIsOpenedAgainOnUsr2) {
    TestServer server("good");
    const std::string path = server.folder / "app.log";
    server.loaded.options.logto = path;
    server.start();
    const auto holds = [&](const std::string& text) {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {}).find(text) !=
               std::string::npos;
    };
    // Answers come from the loop, so what was logged before them is in the file.
    while (server.ask(Command::status_json).text.find("\"state\": \"serving\"") ==
           std::string::npos) {
        ASSERT_FALSE(::testing::Test::HasFailure());
    }
    EXPECT_TRUE(holds("serving on"));
    std::filesystem::rename(path, path + ".1");
    server.signal(SIGUSR2);
    server.ask(Command::status);
    EXPECT_TRUE(holds("log opened again"));
    EXPECT_FALSE(holds("serving on"));
}

TEST(Supervisor, PidfileNamesTheServerAndGoesWithIt) {
    TestServer server("good");
    server.loaded.options.pidfile = server.folder / "app.pid";
    server.start();
    server.expect("serving on");
    auto pid = read_pidfile(server.folder / "app.pid");
    ASSERT_TRUE(pid) << pid.error().text;
    EXPECT_EQ(*pid, server.pid());

    TestServer second("good");
    second.loaded.options.pidfile = server.folder / "app.pid";
    second.start();
    second.expect("a server with pid " + std::to_string(server.pid()) + " is running");
    EXPECT_EQ(second.wait_for_exit(), kExitError);

    EXPECT_EQ(server.ask(Command::stop).status, 0);
    EXPECT_EQ(server.wait_for_exit(), 0);
    EXPECT_FALSE(std::filesystem::exists(server.folder / "app.pid"));
}

}  // namespace
}  // namespace mew::master
