#include "log/access.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "log/log.h"
#include "os/fd.h"

namespace mew::log {
namespace {

using nlohmann::json;

AccessRecord sample() {
    return {.address = "127.0.0.1",
            .user = "",
            .method = "GET",
            .uri = "/cats?n=1",
            .protocol = "HTTP/1.1",
            .pid = 1221,
            .app_requests = 3,
            .total_requests = 7,
            .vars = 28,
            .request_bytes = 334,
            .time = 1795387201,
            .status = 200,
            .body_bytes = 11,
            .micros = 2999,
            .headers = 1,
            .header_bytes = 44};
}

class AccessTest : public testing::Test {
protected:
    void SetUp() override {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    void TearDown() override { configure({}); }
};

TEST_F(AccessTest, TextIsTheLineOfUwsgi) {
    std::string out;
    append_access(out, sample());
    EXPECT_EQ(out,
              "[pid: 1221|app: 0|req: 3/7] 127.0.0.1 () {28 vars in 334 bytes} "
              "[Sun Nov 22 22:40:01 2026] GET /cats?n=1 => generated 11 bytes in 2 msecs "
              "(HTTP/1.1 200) 1 headers in 44 bytes (1 switches on core 0)\n");
}

TEST_F(AccessTest, SecondsFollowEachOther) {
    AccessRecord record = sample();
    std::string out;
    append_access_text(out, record);
    record.time += 1;
    append_access_text(out, record);
    record.time = 1796083201;  // day 1 of a month: padded with a blank, as ctime does
    append_access_text(out, record);
    EXPECT_THAT(out, testing::HasSubstr("[Sun Nov 22 22:40:01 2026]"));
    EXPECT_THAT(out, testing::HasSubstr("[Sun Nov 22 22:40:02 2026]"));
    EXPECT_THAT(out, testing::HasSubstr("[Tue Dec  1 00:00:01 2026]"));
}

TEST_F(AccessTest, HostileBytesStayInTheirLine) {
    AccessRecord record = sample();
    record.method = "GET\n";
    record.uri = std::string_view("/\r\n[pid: 1|fake\x1b[2J\0\xff", 21);
    record.user = "a\nb";
    record.protocol = "HTTP/1.1\n";
    std::string out;
    append_access_text(out, record);
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
    EXPECT_THAT(out, testing::HasSubstr("GET\\x0a /\\x0d\\x0a[pid: 1|fake\\x1b[2J\\x00\\xff =>"));
    EXPECT_THAT(out, testing::HasSubstr("(a\\x0ab)"));
}

TEST_F(AccessTest, JsonHasTheKeysOfEveryEventAndNumbersAsNumbers) {
    configure({.json = true, .role = "worker 2"});
    AccessRecord record = sample();
    record.uri = "/\"\xff\n";
    std::string out;
    append_access(out, record);
    ASSERT_EQ(out.back(), '\n');
    const json event = json::parse(out);
    EXPECT_EQ(event["time"], "2026-11-22T22:40:01Z");
    EXPECT_EQ(event["level"], "info");
    EXPECT_EQ(event["role"], "worker 2");
    EXPECT_EQ(event["event"], "request");
    EXPECT_EQ(event["message"], "GET /\"\xef\xbf\xbd\n 200");
    EXPECT_EQ(event["uri"], "/\"\xef\xbf\xbd\n");
    EXPECT_EQ(event["method"], "GET");
    EXPECT_EQ(event["addr"], "127.0.0.1");
    EXPECT_EQ(event["status"], 200);
    EXPECT_EQ(event["bytes"], 11);
    EXPECT_EQ(event["micros"], 2999);
    EXPECT_EQ(event["pid"], 1221);
}

TEST_F(AccessTest, SteadyStateKeepsItsMemory) {
    std::string buffer;
    configure({.fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC)});
    const os::Fd null(settings().fd);
    for (int i = 0; i < 10; ++i) append_access(buffer, sample());
    const std::size_t capacity = buffer.capacity();
    const char* const memory = buffer.data();
    for (int turn = 0; turn < 5; ++turn) {
        flush_access(buffer);
        EXPECT_TRUE(buffer.empty());
        for (int i = 0; i < 10; ++i) append_access(buffer, sample());
    }
    EXPECT_EQ(buffer.capacity(), capacity);
    EXPECT_EQ(buffer.data(), memory);
}

// Packets show the boundaries of writes: on a pipe each must end with a line and fit PIPE_BUF.
TEST_F(AccessTest, PipeGetsWholeLinesInEachWrite) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0);
    const os::Fd read_end(ends[0]);
    const os::Fd write_end(ends[1]);
    configure({.fd = write_end.get()});
    std::string buffer;
    for (int i = 0; i < 60; ++i) append_access(buffer, sample());
    const std::string all = buffer;
    ASSERT_GT(all.size(), 2U * PIPE_BUF);
    flush_access(buffer);
    std::array<char, 65536> packet;
    std::string got;
    int packets = 0;
    for (;;) {
        const ssize_t n = ::read(read_end.get(), packet.data(), packet.size());
        if (n <= 0) break;
        ++packets;
        EXPECT_LE(n, PIPE_BUF);
        EXPECT_EQ(packet[static_cast<std::size_t>(n) - 1], '\n');
        got.append(packet.data(), static_cast<std::size_t>(n));
    }
    EXPECT_EQ(got, all);
    EXPECT_LE(packets, 4);
}

}  // namespace
}  // namespace mew::log
