// Which variable is the path, and what of it the app was mounted at.
#include <ostream>

#include <gtest/gtest.h>

#include "gateway/testing/built.h"

namespace mew::gateway {
namespace {

struct PathCase {
    const char* name;
    Pairs pairs;
    bool strip;
    const char* script;
    const char* path;
    const char* query;
    const char* target;
};
std::ostream& operator<<(std::ostream& out, const PathCase& row) { return out << row.name; }

class Paths : public testing::TestWithParam<PathCase> {};

TEST_P(Paths, AreFound) {
    Pairs pairs = GetParam().pairs;
    pairs.emplace_back("REQUEST_METHOD", "GET");
    const Built built(pairs, GetParam().strip);
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.head().script_name(), GetParam().script);
    EXPECT_EQ(built.head().path(), GetParam().path);
    EXPECT_EQ(built.head().query(), GetParam().query);
    EXPECT_EQ(built.head().target(), GetParam().target);
}

INSTANTIATE_TEST_SUITE_P(
    All, Paths,
    testing::Values(
        PathCase{"nothing", {}, false, "", "", "", "/"},
        PathCase{"only_target",
                 {{"REQUEST_URI", "/a%20b?c=d"}},
                 false,
                 "",
                 "/a%20b",
                 "c=d",
                 "/a%20b?c=d"},
        PathCase{"absolute_target",
                 {{"REQUEST_URI", "http://h:1/a?b"}},
                 false,
                 "",
                 "/a",
                 "b",
                 "http://h:1/a?b"},
        PathCase{"absolute_target_without_path",
                 {{"REQUEST_URI", "http://h?b"}},
                 false,
                 "",
                 "",
                 "b",
                 "http://h?b"},
        PathCase{"uri_in_the_query",
                 {{"REQUEST_URI", "/a?u=http://h/"}},
                 false,
                 "",
                 "/a",
                 "u=http://h/",
                 "/a?u=http://h/"},
        PathCase{"query_of_the_target",
                 {{"REQUEST_URI", "/a?b"}, {"PATH_INFO", "/c"}},
                 false,
                 "",
                 "/c",
                 "b",
                 "/a?b"},
        PathCase{"query_is_said_to_be_empty",
                 {{"REQUEST_URI", "/a?b"}, {"QUERY_STRING", ""}},
                 false,
                 "",
                 "/a",
                 "",
                 "/a?b"},
        PathCase{"no_target",
                 {{"PATH_INFO", "/a b%\xff"}, {"QUERY_STRING", "x y&z"}},
                 false,
                 "",
                 "/a b%\xff",
                 "x y&z",
                 "/a%20b%25%FF?x%20y&z"},
        PathCase{"no_target_mounted",
                 {{"SCRIPT_NAME", "/m"}, {"PATH_INFO", "/a"}},
                 false,
                 "/m",
                 "/a",
                 "",
                 "/m/a"},
        PathCase{"scgi_of_nginx",
                 {{"REQUEST_URI", "/s/%C3%A9?q"}, {"DOCUMENT_URI", "/s/\xc3\xa9"}},
                 false,
                 "",
                 "/s/\xc3\xa9",
                 "q",
                 "/s/%C3%A9?q"},
        PathCase{"fastcgi_of_nginx",
                 {{"SCRIPT_NAME", "/f/x"}, {"REQUEST_URI", "/f/x?q"}, {"DOCUMENT_URI", "/f/x"}},
                 false,
                 "",
                 "/f/x",
                 "q",
                 "/f/x?q"},
        PathCase{"script_with_an_index_file",
                 {{"SCRIPT_NAME", "/f/index.py"}, {"REQUEST_URI", "/f/"}, {"DOCUMENT_URI", "/f/"}},
                 false,
                 "",
                 "/f/",
                 "",
                 "/f/"},
        PathCase{"only_script", {{"SCRIPT_NAME", "/f/x"}}, false, "", "/f/x", "", "/f/x"},
        PathCase{"mounted_without_path_info",
                 {{"SCRIPT_NAME", "/m"}, {"REQUEST_URI", "/m/a"}},
                 false,
                 "/m",
                 "/a",
                 "",
                 "/m/a"},
        PathCase{"path_info_is_final",
                 {{"SCRIPT_NAME", "/m"}, {"PATH_INFO", "/m/a"}, {"REQUEST_URI", "/m/a"}},
                 false,
                 "/m",
                 "/m/a",
                 "",
                 "/m/a"},
        PathCase{"empty_path_info",
                 {{"SCRIPT_NAME", "/m"}, {"PATH_INFO", ""}},
                 false,
                 "/m",
                 "",
                 "",
                 "/m"},
        PathCase{"stripped",
                 {{"SCRIPT_NAME", "/m"}, {"PATH_INFO", "/m/a"}, {"REQUEST_URI", "/m/a"}},
                 true,
                 "/m",
                 "/a",
                 "",
                 "/m/a"},
        PathCase{"stripped_to_nothing",
                 {{"SCRIPT_NAME", "/m"}, {"PATH_INFO", "/m"}, {"REQUEST_URI", "/m"}},
                 true,
                 "/m",
                 "",
                 "",
                 "/m"},
        PathCase{"not_inside_it",
                 {{"SCRIPT_NAME", "/m"}, {"PATH_INFO", "/more"}, {"REQUEST_URI", "/more"}},
                 true,
                 "/m",
                 "/more",
                 "",
                 "/more"}),
    row_name);

}  // namespace
}  // namespace mew::gateway
