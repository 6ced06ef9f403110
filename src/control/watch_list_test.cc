#include "control/watch_list.h"

#include <gtest/gtest.h>

namespace mew::control {
namespace {

TEST(WatchList, ComesBackAsItWasWritten) {
    const std::vector<WatchedPath> paths{
        {Trigger::touch_reload, "/srv/a b\n/x", std::nullopt},
        {Trigger::fs_reload, "/", std::nullopt},
        {Trigger::module_file, "/srv/12 34 /app.py", FileState{-1, 0, 0}},
        {Trigger::module_file, "/srv/\xff.py", FileState{1'700'000'000'123'456'789, 77, ~0ULL}},
    };
    const auto back = decode_paths(encode_paths(paths));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(*back, paths);
    EXPECT_TRUE(decode_paths("")->empty());
}

TEST(WatchList, EachTriggerIsNamedByItsOption) {
    EXPECT_EQ(option_of(Trigger::touch_reload), "touch-reload");
    EXPECT_EQ(option_of(Trigger::touch_logreopen), "touch-logreopen");
    EXPECT_EQ(option_of(Trigger::module_file), "py-autoreload");
}

TEST(WatchList, DamagedRecordsAreRefused) {
    const std::string good = encode_paths({{Trigger::touch_reload, "/a", std::nullopt}});
    for (const std::string& bad : {
             std::string("r/a"),
             std::string("x/a\0", 4),
             std::string("\0", 1),
             std::string("ra\0", 3),
             std::string("r\0", 2),
             std::string("m/a\0", 4),
             std::string("m1 2 /a\0", 8),
             std::string("m1 2 3/a\0", 9),
             std::string("m1 -2 3 /a\0", 11),
             std::string("m99999999999999999999 2 3 /a\0", 29),
         }) {
        const auto read = decode_paths(good + bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_NE(read.error().text.find("record 2"), std::string::npos);
    }
}

}  // namespace
}  // namespace mew::control
