#include "options/ini.h"

#include <gtest/gtest.h>

namespace mew::options {
namespace {

TEST(Ini, ReadsSectionsKeysAndValues) {
    const IniText ini = parse_ini(
        "\xEF\xBB\xBF; comment\r\n[ uwsgi ]\r\n  a  =  b = c ; d  \r\nflag\r\n\r\n  # e = f\r\n"
        "empty =\n[other]\na=1\n[uwsgi]\na=2");
    ASSERT_EQ(ini.entries.size(), 5U);
    EXPECT_EQ(ini.entries[0].section, "uwsgi");
    EXPECT_EQ(ini.entries[0].key, "a");
    EXPECT_EQ(ini.entries[0].value, "b = c ; d");
    EXPECT_EQ(ini.entries[0].line, 3);
    EXPECT_TRUE(ini.entries[1].bare);
    EXPECT_FALSE(ini.entries[2].bare);
    EXPECT_EQ(ini.entries[2].value, "");
    EXPECT_EQ(ini.entries[4].value, "2");
    EXPECT_EQ(ini.entries[4].section, "uwsgi");
    EXPECT_EQ(ini.sections, (std::vector<std::string>{"uwsgi", "other"}));
    EXPECT_TRUE(ini.faults.empty());
}

TEST(Ini, TellsEveryBadLine) {
    const IniText ini =
        parse_ini(std::string("early = 1\n[open\n[uwsgi]\n= x\nn\0ul = 1\nok = 1\n", 44));
    ASSERT_EQ(ini.faults.size(), 3U);
    EXPECT_EQ(ini.faults[0].line, 2);
    EXPECT_EQ(ini.faults[1].line, 4);
    EXPECT_EQ(ini.faults[2].line, 5);
    ASSERT_EQ(ini.warnings.size(), 1U);
    EXPECT_EQ(ini.warnings[0].line, 1);
    ASSERT_EQ(ini.entries.size(), 1U);
    EXPECT_EQ(ini.entries[0].key, "ok");
}

TEST(Ini, AnyBytesAreSurvived) {
    EXPECT_TRUE(parse_ini("").entries.empty());
    EXPECT_TRUE(parse_ini("\n\n\n").entries.empty());
    EXPECT_TRUE(parse_ini("[").sections.empty());
    EXPECT_EQ(parse_ini("[]\na=1").entries.size(), 0U);
    EXPECT_EQ(parse_ini("[u]\n\xff\xfe = \x80").entries.size(), 1U);
    EXPECT_EQ(parse_ini("[u]\n" + std::string(1 << 20, 'k')).entries.size(), 1U);
}

}  // namespace
}  // namespace mew::options
