#include "python/mounts.h"

#include <gtest/gtest.h>

namespace mew::python {
namespace {

Mounts mounts_at(std::initializer_list<const char*> prefixes) {
    Mounts mounts;
    for (const char* prefix : prefixes) mounts.add(prefix);
    return mounts;
}

TEST(Mounts, LongestOnSegmentBoundariesWins) {
    const Mounts mounts = mounts_at({"/shop", "/shop/cart", "", "/käse", "/sho"});
    EXPECT_EQ(mounts.find("/shop"), 0U);
    EXPECT_EQ(mounts.find("/shop/"), 0U);
    EXPECT_EQ(mounts.find("/shop/x/cart"), 0U);
    EXPECT_EQ(mounts.find("/shop/cart"), 1U);
    EXPECT_EQ(mounts.find("/shop/cart/1"), 1U);
    EXPECT_EQ(mounts.find("/shop/cartoon"), 0U);
    EXPECT_EQ(mounts.find("/shopping"), 2U);
    EXPECT_EQ(mounts.find("/käse/x"), 3U);
    EXPECT_EQ(mounts.find("/sho/p"), 4U);
    EXPECT_EQ(mounts.find("//shop"), 2U);
    EXPECT_EQ(mounts.find("/"), 2U);
    EXPECT_EQ(mounts.find(""), 2U);
    EXPECT_EQ(mounts.find("*"), 2U);
    EXPECT_EQ(mounts.prefix(1), "/shop/cart");
}

TEST(Mounts, WithoutOneForTheRest) {
    const Mounts mounts = mounts_at({"/a", "/a/b/c"});
    EXPECT_EQ(mounts.find("/a/b"), 0U);
    EXPECT_EQ(mounts.find("/b"), Mounts::kNone);
    EXPECT_EQ(mounts.find("/"), Mounts::kNone);
    EXPECT_EQ(mounts.find(""), Mounts::kNone);
    EXPECT_EQ(mounts.find("a"), Mounts::kNone);
    EXPECT_EQ(mounts.find_chosen("/b"), Mounts::kNone);
    EXPECT_EQ(mounts.find_chosen(""), Mounts::kNone);
}

TEST(Mounts, AWebServerChoosesByTheWholeName) {
    const Mounts mounts = mounts_at({"/a", "/a/b", ""});
    EXPECT_EQ(mounts.find_chosen("/a"), 0U);
    EXPECT_EQ(mounts.find_chosen("/a/"), 0U);
    EXPECT_EQ(mounts.find_chosen("/a/b"), 1U);
    EXPECT_EQ(mounts.find_chosen("/a/c"), 2U);
    EXPECT_EQ(mounts.find_chosen(""), 2U);
    EXPECT_EQ(mounts.find_chosen("/"), 2U);
}

}  // namespace
}  // namespace mew::python
