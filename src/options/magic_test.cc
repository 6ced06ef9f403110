#include "options/magic.h"

#include <unistd.h>

#include <gtest/gtest.h>

namespace mew::options {
namespace {

MagicFacts facts() {
    MagicFacts facts;
    facts.file = {"conf/app.prod.ini", "/srv/cats/conf/app.prod.ini", 42};
    facts.outermost = {"main.ini", "/etc/main.ini", 7};
    facts.section = "uwsgi";
    facts.outermost_section = "top";
    return facts;
}

std::string replaced(std::string_view text) {
    std::vector<MagicWarning> warnings;
    const std::string out = replace_magic(text, facts(), warnings);
    EXPECT_TRUE(warnings.empty()) << warnings.front().text;
    return out;
}

TEST(Magic, SpeaksOfTheFile) {
    EXPECT_EQ(replaced("%o %p %s %d"),
              "conf/app.prod.ini /srv/cats/conf/app.prod.ini app.prod.ini /srv/cats/conf/");
    EXPECT_EQ(replaced("%e %n %c %x %i"), "ini app.prod conf uwsgi 42");
    EXPECT_EQ(replaced("%0 %1 %2 [%3] [%9]"), "srv cats conf [] []");
    EXPECT_EQ(replaced("%O %P %D %S %N %E %C %X %I"),
              "main.ini /etc/main.ini /etc/ main.ini main ini etc top 7");
    EXPECT_EQ(replaced("%j"), std::to_string([] {
                  std::uint32_t hash = 5381;
                  for (const char c : std::string("/srv/cats/conf/app.prod.ini"))
                      hash = (hash * 33U) ^ static_cast<unsigned char>(c);
                  return hash;
              }()));
}

TEST(Magic, SpeaksOfTheSystem) {
    EXPECT_EQ(replaced("%u"), std::to_string(::getuid()));
    EXPECT_EQ(replaced("%["), "\033");
    EXPECT_EQ(replaced("%%d %(x) 100% sure %"), "%d %(x) 100% sure %");
    EXPECT_GT(std::stoll(replaced("%t")), 1'600'000'000);
    EXPECT_GT(std::stoi(replaced("%k")), 0);
    EXPECT_FALSE(replaced("%v").empty());
    EXPECT_FALSE(replaced("%h").empty());
}

TEST(Magic, UnknownLettersVanishButNotSilently) {
    std::vector<MagicWarning> warnings;
    EXPECT_EQ(replace_magic("; %Y in a comment\na = %Y-%z\nb = %\xc3\xa4x\n", facts(), warnings),
              ";  in a comment\na = -\nb = x\n");
    ASSERT_EQ(warnings.size(), 3U);
    EXPECT_EQ(warnings[0].line, 2);
    EXPECT_NE(warnings[0].text.find("%%Y"), std::string::npos);
    EXPECT_EQ(warnings[2].line, 3);
}

TEST(Magic, LinesStayLines) {
    std::vector<MagicWarning> warnings;
    EXPECT_EQ(replace_magic("a = 1%\nb = 2%\r\nc = %", facts(), warnings),
              "a = 1%\nb = 2%\r\nc = %");
}

TEST(Magic, AFileWithoutAFolderHasNoComponents) {
    MagicFacts bare;
    bare.file = {"x", "x", 0};
    std::vector<MagicWarning> warnings;
    EXPECT_EQ(replace_magic("[%d][%c][%0][%e][%n]", bare, warnings), "[][][][][x]");
}

}  // namespace
}  // namespace mew::options
