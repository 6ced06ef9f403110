#include "os/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::os {
namespace {

TEST(MemoryFile, SharedMemoryIsZeroedAndCannotChangeSize) {
    auto made = make_shared_memory("test", 8192);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(::ftruncate(made->get(), 0), -1);
    EXPECT_EQ(::ftruncate(made->get(), 1 << 20), -1);
    EXPECT_EQ(::fcntl(made->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    char* const memory = static_cast<char*>(
        ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, made->get(), 0));
    ASSERT_NE(memory, MAP_FAILED);
    EXPECT_EQ(memory[8191], 0);
    memory[8191] = 'x';
    ::munmap(memory, 8192);
    const auto size = shared_memory_size(made->get());
    ASSERT_TRUE(size);
    EXPECT_EQ(*size, 8192U);
}

TEST(MemoryFile, ConstantMemoryCannotBeWritten) {
    auto made = make_constant_memory("test", "content");
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(::pwrite(made->get(), "x", 1, 0), -1);
    for (int round = 0; round < 2; ++round) {
        const auto content = read_constant_memory(made->get(), 100);
        ASSERT_TRUE(content);
        EXPECT_EQ(*content, "content");
    }
    EXPECT_FALSE(read_constant_memory(made->get(), 3));
    auto empty = make_constant_memory("test", "");
    ASSERT_TRUE(empty);
    EXPECT_EQ(*read_constant_memory(empty->get(), 3), "");
}

TEST(MemoryFile, RefusesWhatIsNotSealed) {
    const Fd open_memory(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_FALSE(shared_memory_size(open_memory.get()));
    auto shared = make_shared_memory("test", 10);
    ASSERT_TRUE(shared);
    EXPECT_FALSE(read_constant_memory(shared->get(), 100)) << "writable: content may change";
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_FALSE(shared_memory_size(null.get()));
    const auto closed = shared_memory_size(-1);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, EBADF);
}

}  // namespace
}  // namespace mew::os
