// What people and programs read: greeting, status, restart-only options, emitted options.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "master/config_reader.h"
#include "master/greeting.h"
#include "master/health_check.h"
#include "master/memory_room.h"
#include "master/respawn.h"
#include "master/restart_options.h"
#include "master/status.h"

namespace mew::master {
namespace {

net::ListenerInfo tcp(const std::string& address, const std::string& port) {
    net::ListenerInfo info;
    info.fd = 4;
    info.option = "http";
    info.address = address;
    info.server_port = port;
    return info;
}

TEST(Greeting, BoundLineTellsTheRealPort) {
    EXPECT_EQ(bound_line(tcp(":8000", "8000")), "http bound on :8000 fd 4");
    EXPECT_EQ(bound_line(tcp("127.0.0.1:0", "40001")), "http bound on 127.0.0.1:40001 fd 4");
    EXPECT_EQ(bound_line(tcp("[::1]:0", "40001")), "http bound on [::1]:40001 fd 4");
    net::ListenerInfo unix_socket = tcp("/run/app.sock", "");
    unix_socket.unix_socket = true;
    EXPECT_EQ(bound_line(unix_socket), "http bound on /run/app.sock fd 4");
    EXPECT_EQ(reachable_url(unix_socket), "unix:/run/app.sock");
}

TEST(Greeting, UrlCanBeOpenedHere) {
    EXPECT_EQ(reachable_url(tcp(":8000", "8000")), "http://localhost:8000");
    EXPECT_EQ(reachable_url(tcp("0.0.0.0:0", "81")), "http://localhost:81");
    EXPECT_EQ(reachable_url(tcp("[::]:80", "80")), "http://localhost:80");
    EXPECT_EQ(reachable_url(tcp("127.0.0.1:80", "80")), "http://127.0.0.1:80");
    EXPECT_EQ(reachable_url(tcp("[::1]:80", "80")), "http://[::1]:80");
    net::ListenerInfo secure = tcp(":8443", "8443");
    secure.option = "https";
    EXPECT_EQ(reachable_url(secure), "https://localhost:8443");
    net::ListenerInfo gateway = tcp("0.0.0.0:3031", "3031");
    gateway.protocol = net::Protocol::uwsgi;
    EXPECT_EQ(reachable_url(gateway), "uwsgi localhost:3031");
    gateway.protocol = net::Protocol::scgi;
    gateway.unix_socket = true;
    gateway.address = "/run/app.sock";
    EXPECT_EQ(reachable_url(gateway), "scgi unix:/run/app.sock");
}

TEST(Greeting, FooterOnlyForPeople) {
    EXPECT_EQ(serving_line({tcp(":1", "1")}, 7, false), "serving on http://localhost:1");
    EXPECT_EQ(serving_line({tcp(":1", "1"), tcp("a:2", "2")}, 7, true),
              "serving on http://localhost:1, http://a:2 - Ctrl+C stops, `mewsgi reload 7` loads "
              "new code");
    EXPECT_EQ(serving_line({tcp(":1", "1")}, 7, true, true),
              "serving on http://localhost:1 - reloads when you save a file, Ctrl+C stops");
}

TEST(Status, JsonIsValidWhateverAPathHolds) {
    ServerStatus status;
    status.version = "1.2";
    status.addresses = {"unix:/run/\xff\xfe\"\n"};
    WorkerStatus worker;
    worker.id = 1;
    worker.requests = 5;
    status.workers.push_back(worker);
    const auto parsed = nlohmann::json::parse(status_json(status), nullptr, false);
    ASSERT_FALSE(parsed.is_discarded());
    EXPECT_EQ(parsed["workers"][0]["requests"], 5);
}

TEST(Status, TableHasARowForEachWorker) {
    ServerStatus status;
    status.version = "1.2";
    status.state = "serving";
    status.uptime = 3725;
    status.workers.resize(3);
    status.workers[2].tx_bytes = 3 << 20;
    const std::string text = status_table(status);
    EXPECT_NE(text.find("serving for 1h02m"), std::string::npos) << text;
    EXPECT_NE(text.find("3.0 MiB"), std::string::npos) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
}

TEST(Status, CertificatesTellHowLongTheyLast) {
    ServerStatus status;
    status.certificates = {{"/etc/a.crt", "", 4102444800, 29}, {"/etc/b.crt", "b.example", 5, 3}};
    status.certificates_trouble = "https: /etc/a.crt: cannot be read";
    const std::string text = status_table(status);
    EXPECT_NE(text.find("29  /etc/a.crt\n"), std::string::npos) << text;
    EXPECT_NE(text.find("3  /etc/b.crt (b.example)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("of before are in use: https: /etc/a.crt"), std::string::npos) << text;
    const auto json = nlohmann::json::parse(status_json(status));
    EXPECT_EQ(json["certificates"][1]["days_left"], 3);
    EXPECT_EQ(json["certificates"][0]["expires"], 4102444800);
    EXPECT_EQ(json["certificates_trouble"], status.certificates_trouble);
}

TEST(RestartOptions, KeepTheRunningValuesAndNameThem) {
    options::Options running;
    running.listen_addresses.push_back({options::ListenAddress::Protocol::http, "http", ":1"});
    options::Options fresh = running;
    EXPECT_TRUE(keep_restart_options(running, fresh).empty());
    fresh.listen_addresses.front().address = ":2";
    fresh.uid = "nobody";
    fresh.log_json = true;
    fresh.logto = "/x";
    fresh.processes = 9;
    fresh.module = "new";
    const auto changed = keep_restart_options(running, fresh);
    EXPECT_EQ(changed,
              (std::vector<std::string>{"listening addresses", "uid", "log-json", "logto"}));
    EXPECT_EQ(fresh.listen_addresses.front().address, ":1");
    EXPECT_EQ(fresh.uid, "");
    EXPECT_EQ(fresh.processes, 9);
    EXPECT_EQ(fresh.module, "new");
}

TEST(RestartOptions, ACertificateMayChangeButNoAddress) {
    options::Options running;
    running.listen_addresses.push_back({options::ListenAddress::Protocol::http, "https", ":1"});
    running.https = {":1,old.crt,old.key"};
    options::Options fresh = running;
    fresh.https = {":1,new.crt,new.key"};
    EXPECT_TRUE(keep_restart_options(running, fresh).empty());
    EXPECT_EQ(fresh.https.front(), ":1,new.crt,new.key");
    fresh.listen_addresses.front().address = ":2";
    fresh.https = {":2,new.crt,new.key"};
    EXPECT_EQ(keep_restart_options(running, fresh).size(), 1U);
    EXPECT_EQ(fresh.https, running.https);
}

TEST(RestartOptions, LogFileMayChangeItsPath) {
    options::Options running;
    running.logto = "/a";
    options::Options fresh;
    fresh.logto = "/b";
    EXPECT_TRUE(keep_restart_options(running, fresh).empty());
    EXPECT_EQ(fresh.logto, "/b");
}

TEST(EmittedOptions, SurviveTheWay) {
    options::Loaded loaded;
    loaded.options.module = "a:b";
    loaded.given.push_back({"module", "a:b", false, "app.ini:3", "wsgi"});
    loaded.warnings.push_back({"app.ini:4", "careful"});
    const auto back = read_emitted(emit_options(loaded));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_FALSE(back->other_build);
    EXPECT_EQ(back->loaded, loaded);
}

TEST(EmittedOptions, OfAnotherBuildAreToldAndCutOnesRefused) {
    const std::string text = emit_options({});
    std::string other = text;
    other[15] = other[15] == '0' ? '1' : '0';
    const auto told = read_emitted(other);
    ASSERT_TRUE(told);
    EXPECT_TRUE(told->other_build);
    EXPECT_FALSE(read_emitted(""));
    EXPECT_FALSE(read_emitted("another program says this\n"));
    for (std::size_t size = 0; size < text.size(); size += 7)
        EXPECT_FALSE(read_emitted(text.substr(0, size))) << size;
}

TEST(Respawn, DelayGrowsOnlyForDeathsBeforeReady) {
    base::SteadyClock clock;
    net::EventLoop loop(clock);
    ASSERT_TRUE(loop.open());
    Respawn respawn(loop);
    EXPECT_EQ(respawn.on_death(true).count(), 0);
    EXPECT_EQ(respawn.on_death(false).count(), 100);
    EXPECT_EQ(respawn.on_death(false).count(), 200);
    for (int i = 0; i < 20; ++i) (void)respawn.on_death(false);
    EXPECT_EQ(respawn.on_death(false).count(), 10000);
    respawn.on_ready();
    EXPECT_EQ(respawn.on_death(true).count(), 0);
    EXPECT_EQ(respawn.on_death(false).count(), 100);
}

TEST(MemoryRoom, SaysWhatIsMissingAndWhatToDo) {
    constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;
    EXPECT_EQ(missing_memory(100 * kMebi, std::nullopt), "");
    EXPECT_EQ(missing_memory(100 * kMebi, os::MemoryRoom{512 * kMebi, 100 * kMebi}), "");
    const std::string text = missing_memory(100 * kMebi, os::MemoryRoom{512 * kMebi, 99 * kMebi});
    EXPECT_EQ(text,
              "a second generation needs about 100 MiB, and of the cgroup's limit of 512 MiB only "
              "99 MiB are left; nothing was started. Raise the limit, or use --reload-strategy "
              "stop-start");
}

TEST(HealthCheck, RequestNamesTheHost) {
    const auto begins = [](const std::string& uri, const std::string& request) {
        return health_request(uri).compare(0, request.size(), request) == 0;
    };
    EXPECT_TRUE(begins("/health?full=1", "GET /health?full=1 HTTP/1.1\r\nHost: localhost\r\n"));
    EXPECT_TRUE(begins("http://cats.example", "GET / HTTP/1.1\r\nHost: cats.example\r\n"));
    EXPECT_TRUE(
        begins("http://cats.example:81/a/b", "GET /a/b HTTP/1.1\r\nHost: cats.example:81\r\n"));
}

TEST(HealthCheck, DescribesWhatIsNot200) {
    EXPECT_EQ(describe_answer(""), "closed the connection without an answer");
    EXPECT_EQ(describe_answer("garbage"), "answered something that is no HTTP");
    EXPECT_EQ(describe_answer("HTTP/1.1 503 Busy\r\nA: b\r\n\r\n"), "answered 503 Busy");
    EXPECT_EQ(describe_answer("HTTP/1.1 500 Oh\r\n\r\nno \x1b[31m"),
              "answered 500 Oh:\nno \\x1b[31m");
}

}  // namespace
}  // namespace mew::master
