#include "control/boot.h"

#include <fcntl.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/message.h"
#include "os/memory_file.h"

namespace mew::control {
namespace {

Boot sample() {
    Boot boot;
    boot.loaded.options.module = "catserve.wsgi:application";
    boot.loaded.options.processes = 4;
    boot.loaded.given.push_back({"module", "catserve.wsgi:application", false, "command line"});
    boot.loaded.given.push_back({"master", "true", true, "app.ini:2"});
    boot.master_pid = 1221;
    boot.generation = 3;
    boot.control_fd = 7;
    boot.board_fd = 8;
    boot.log_fd = 9;
    boot.log_colour = true;
    boot.gate_fd = 12;
    boot.bell_fd = -1;
    boot.handover_fd = 10;
    boot.handover_take_fd = -1;
    boot.listeners.push_back({4, net::Protocol::http, "http", ":8000", false, "host", "8000", {}});
    boot.listeners.push_back(
        {5, net::Protocol::scgi, "http-socket", "/run/app.sock", true, "host", "", {5, 6}});
    boot.listeners[0].routed = true;
    boot.package_dir = "/opt/mewsgi";
    boot.interpreter_reason = "the active VIRTUAL_ENV";
    return boot;
}

TEST(Boot, ComesBackAsItWas) {
    auto fd = write_boot(sample());
    ASSERT_TRUE(fd) << fd.error().text;
    const auto boot = read_boot(fd->get());
    ASSERT_TRUE(boot) << boot.error().text;
    EXPECT_EQ(boot->build_id, build_id());
    EXPECT_EQ(boot->loaded.options.module, "catserve.wsgi:application");
    EXPECT_EQ(boot->loaded.options.processes, 4);
    ASSERT_EQ(boot->loaded.given.size(), 2U);
    EXPECT_EQ(boot->loaded.given[1].origin, "app.ini:2");
    EXPECT_TRUE(boot->loaded.given[1].bare);
    EXPECT_EQ(boot->master_pid, 1221);
    EXPECT_EQ(boot->generation, 3U);
    EXPECT_EQ(boot->control_fd, 7);
    EXPECT_EQ(boot->board_fd, 8);
    EXPECT_EQ(boot->log_fd, 9);
    EXPECT_TRUE(boot->log_colour);
    EXPECT_EQ(boot->handover_fd, 10);
    EXPECT_EQ(boot->handover_take_fd, -1);
    ASSERT_EQ(boot->listeners.size(), 2U);
    EXPECT_EQ(boot->listeners[0].fd, 4);
    EXPECT_EQ(boot->listeners[0].server_port, "8000");
    EXPECT_TRUE(boot->listeners[0].routed);
    EXPECT_FALSE(boot->listeners[1].routed);
    EXPECT_EQ(boot->listeners[1].address, "/run/app.sock");
    EXPECT_TRUE(boot->listeners[1].unix_socket);
    EXPECT_EQ(boot->package_dir, "/opt/mewsgi");
    EXPECT_EQ(boot->interpreter_reason, "the active VIRTUAL_ENV");
}

TEST(Boot, IsConstant) {
    auto fd = write_boot(sample());
    ASSERT_TRUE(fd);
    EXPECT_EQ(::pwrite(fd->get(), "x", 1, 0), -1);
    EXPECT_EQ(::ftruncate(fd->get(), 0), -1);
}

TEST(Boot, AnotherBuildIsRefusedWithAnExplanation) {
    Boot other = sample();
    other.build_id = build_id() ^ 1;
    auto fd = write_boot(other);
    ASSERT_TRUE(fd);
    const auto boot = read_boot(fd->get());
    ASSERT_FALSE(boot);
    EXPECT_THAT(boot.error().text, testing::HasSubstr("different builds"));
}

TEST(Boot, EveryCutOrExtendedBlockIsRefused) {
    auto fd = write_boot(sample());
    ASSERT_TRUE(fd);
    const auto bytes = os::read_constant_memory(fd->get(), 1 << 20);
    ASSERT_TRUE(bytes);
    for (std::size_t size = 0; size < bytes->size(); ++size) {
        auto cut = os::make_constant_memory("cut", bytes->substr(0, size));
        ASSERT_TRUE(cut);
        EXPECT_FALSE(read_boot(cut->get())) << size;
    }
    auto longer = os::make_constant_memory("longer", *bytes + "x");
    EXPECT_FALSE(read_boot(longer->get()));
}

TEST(Boot, HugeLengthsAreRefusedWithoutAllocation) {
    auto fd = write_boot(sample());
    auto bytes = os::read_constant_memory(fd->get(), 1 << 20);
    ASSERT_TRUE(bytes);
    for (std::size_t at = 16; at + 8 <= bytes->size(); ++at) {
        std::string bad = *bytes;
        bad.replace(at, 8, 8, '\x7f');
        auto memory = os::make_constant_memory("bad", bad);
        // Some of these only change text or a number; none may crash or hang.
        [[maybe_unused]] const auto boot = read_boot(memory->get());
    }
}

FrontBoot front_sample() {
    FrontBoot boot;
    boot.options.http_queue = 7;
    boot.options.http_retry = "queued";
    boot.options.http_processes = 2;
    boot.master_pid = 1221;
    boot.number = 2;
    boot.incarnation = 0x100000005;
    boot.board_fd = 8;
    boot.gate_fd = 9;
    boot.log_fd = 10;
    boot.log_colour = true;
    boot.tls_fd = 11;
    boot.ticket_keys = std::string("a\0b", 3);
    boot.listeners = sample().listeners;
    return boot;
}

TEST(FrontBoot, ComesBackAsItWas) {
    auto fd = write_front_boot(front_sample());
    ASSERT_TRUE(fd) << fd.error().text;
    const auto boot = read_front_boot(fd->get());
    ASSERT_TRUE(boot) << boot.error().text;
    EXPECT_EQ(boot->options, front_sample().options);
    EXPECT_EQ(boot->build_id, build_id());
    EXPECT_EQ(boot->master_pid, 1221);
    EXPECT_EQ(boot->number, 2U);
    EXPECT_EQ(boot->incarnation, 0x100000005U);
    EXPECT_EQ(boot->board_fd, 8);
    EXPECT_EQ(boot->gate_fd, 9);
    EXPECT_EQ(boot->log_fd, 10);
    EXPECT_TRUE(boot->log_colour);
    EXPECT_EQ(boot->tls_fd, 11);
    EXPECT_EQ(boot->ticket_keys, std::string("a\0b", 3));
    ASSERT_EQ(boot->listeners.size(), 2U);
    EXPECT_TRUE(boot->listeners[0].routed);
    EXPECT_EQ(boot->listeners[1].slot_fds, (std::vector<int>{5, 6}));
}

TEST(FrontBoot, WhatIsNoneIsRefused) {
    auto fd = write_front_boot(front_sample());
    ASSERT_TRUE(fd);
    EXPECT_FALSE(read_boot(fd->get()));
    EXPECT_FALSE(read_front_boot(write_boot(sample())->get()));
    const auto bytes = os::read_constant_memory(fd->get(), 1 << 20);
    ASSERT_TRUE(bytes);
    for (std::size_t size = 0; size < bytes->size(); ++size)
        EXPECT_FALSE(
            read_front_boot(os::make_constant_memory("cut", bytes->substr(0, size))->get()))
            << size;
    FrontBoot other = front_sample();
    other.build_id = build_id() ^ 1;
    const auto refused = read_front_boot(write_front_boot(other)->get());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, testing::HasSubstr("different builds"));
}

TEST(Boot, OtherDescriptorsAreRefused) {
    const os::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_FALSE(read_boot(null.get()));
    EXPECT_FALSE(read_boot(-1));
}

}  // namespace
}  // namespace mew::control
