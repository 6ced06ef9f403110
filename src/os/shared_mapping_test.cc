#include "os/shared_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/memory_file.h"

namespace mew::os {
namespace {

using testing::HasSubstr;

TEST(SharedMapping, BothSidesSeeTheSameBytes) {
    auto made = SharedMapping::create("mewsgi-test", 100);
    ASSERT_TRUE(made) << made.error().text;
    auto other = SharedMapping::attach(made->fd(), "mewsgi-test", 100);
    ASSERT_TRUE(other) << other.error().text;
    EXPECT_NE(other->fd(), made->fd());
    EXPECT_EQ(other->size(), 100U);
    EXPECT_EQ(::fcntl(other->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    std::memcpy(made->data(), "miaow", 6);
    EXPECT_STREQ(static_cast<const char*>(other->data()), "miaow");
}

TEST(SharedMapping, MovesWithWhatItOwns) {
    auto made = SharedMapping::create("mewsgi-test", 8);
    ASSERT_TRUE(made);
    const int fd = made->fd();
    SharedMapping other = std::move(*made);
    EXPECT_FALSE(*made);
    EXPECT_EQ(made->fd(), -1);
    other = SharedMapping();
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "the first one's descriptor is closed";
}

TEST(SharedMapping, RefusesWhatIsSmallOrCanShrink) {
    auto made = make_shared_memory("mewsgi-test", 8);
    ASSERT_TRUE(made);
    const auto small = SharedMapping::attach(made->get(), "mewsgi-test", 9);
    ASSERT_FALSE(small);
    EXPECT_THAT(small.error().text, HasSubstr("'mewsgi-test' is too small"));
    const Fd loose(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(loose.get(), 100), 0);
    EXPECT_FALSE(SharedMapping::attach(loose.get(), "mewsgi-test", 9));
    EXPECT_FALSE(SharedMapping::attach(-1, "mewsgi-test", 9));
}

TEST(SharedMapping, AReadersDescriptorMapsForReadingOnly) {
    auto made = SharedMapping::create("mewsgi-test", 8);
    ASSERT_TRUE(made);
    const std::string path = "/proc/self/fd/" + std::to_string(made->fd());
    const Fd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(reader);
    EXPECT_FALSE(SharedMapping::attach(reader.get(), "mewsgi-test", 8));
    auto mapped =
        SharedMapping::attach(reader.get(), "mewsgi-test", 8, SharedMapping::Access::read_only);
    ASSERT_TRUE(mapped) << mapped.error().text;
    *static_cast<char*>(made->data()) = 'x';
    EXPECT_EQ(*static_cast<const char*>(mapped->data()), 'x');
}

}  // namespace
}  // namespace mew::os
