#include "options/suggest.h"

#include <gtest/gtest.h>

namespace mew::options {
namespace {

TEST(Suggest, Distance) {
    EXPECT_EQ(edit_distance("", "", 3), 0U);
    EXPECT_EQ(edit_distance("abc", "", 3), 3U);
    EXPECT_EQ(edit_distance("vaccum", "vacuum", 3), 1U);
    EXPECT_EQ(edit_distance("ab", "ba", 3), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting", 5), 3U);
    EXPECT_GT(edit_distance("a", std::string(1000, 'b'), 3), 3U);
}

TEST(Suggest, FindsWhatWasMeant) {
    EXPECT_EQ(nearest_name("vaccum"), "vacuum");
    EXPECT_EQ(nearest_name("proceses"), "processes");
    EXPECT_EQ(nearest_name("wsgi_file"), "wsgi-file");
    EXPECT_EQ(nearest_name("HTTP"), "http");
    EXPECT_EQ(nearest_name("deamonize"), "daemonize");
    EXPECT_EQ(nearest_name("modul"), "module");
}

TEST(Suggest, StaysSilentWhereNothingIsNear) {
    EXPECT_EQ(nearest_name(""), "");
    EXPECT_EQ(nearest_name("xyzzyplugh"), "");
    EXPECT_EQ(nearest_name(std::string(100'000, 'a')), "");
    EXPECT_EQ(did_you_mean("xyzzyplugh"), "");
    EXPECT_EQ(did_you_mean("vaccum"), "; did you mean vacuum?");
}

}  // namespace
}  // namespace mew::options
