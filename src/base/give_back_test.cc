#include "base/give_back.h"

#include <gtest/gtest.h>

namespace mew::base {
namespace {

TEST(GiveBack, LeavesNoMemory) {
    std::string text(100000, 'x');
    give_back(text);
    EXPECT_TRUE(text.empty());
    EXPECT_LT(text.capacity(), 100U);
}

}  // namespace
}  // namespace mew::base
