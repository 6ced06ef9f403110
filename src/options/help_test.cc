#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "options/load.h"
#include "options/row.h"

namespace mew::options {
namespace {

bool fits(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.size() > 100) {
            ADD_FAILURE() << line;
            return false;
        }
    return true;
}

TEST(Help, TheOverviewHasEveryWorkingOptionAndFits) {
    const std::string text = help_text("", false);
    EXPECT_TRUE(fits(text));
    EXPECT_EQ(text.find('\033'), std::string::npos);
    EXPECT_NE(help_text("", true).find('\033'), std::string::npos);
    for (const Row& row : table()) {
        const bool shown = text.find("--" + std::string(row.name)) != std::string::npos;
        EXPECT_TRUE(shown || row.status == Status::no_effect) << row.name;
    }
}

TEST(Help, EveryTopicFits) {
    for (const Row& row : table()) {
        const std::string text = help_text(std::string(row.name), false);
        EXPECT_TRUE(fits(text));
        EXPECT_NE(text.find(row.help.substr(0, 12)), std::string::npos) << row.name;
        EXPECT_TRUE(fits(help_text(std::string(group_name(row.group)), false)));
    }
    EXPECT_EQ(help_text("workers", false), help_text("processes", false));
    EXPECT_EQ(help_text("--workers", false), help_text("processes", false));
}

TEST(Help, UnknownTopicsAreAnsweredToo) {
    EXPECT_NE(help_text("proceses", false).find("did you mean processes?"), std::string::npos);
    EXPECT_NE(help_text("spooler", false).find("does not have yet"), std::string::npos);
    EXPECT_NE(help_text("\xff", false).find("\\xff"), std::string::npos);
}

// MEW_WRITE_DOCS=1 writes the page instead of comparing it.
TEST(Help, DocsOptionsIsUpToDate) {
    const std::string path = std::string(MEW_SOURCE_DIR) + "/docs/options.md";
    if (std::getenv("MEW_WRITE_DOCS") != nullptr) std::ofstream(path) << markdown();
    std::ifstream file(path);
    std::stringstream page;
    page << file.rdbuf();
    EXPECT_TRUE(page.str() == markdown())
        << "docs/options.md is stale; write it anew with\n"
           "  MEW_WRITE_DOCS=1 build/dev/src/options/options_test --gtest_filter='Help.Docs*'";
}

TEST(Help, TheTablesOfThePageAreTables) {
    std::istringstream lines(markdown());
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("|")) continue;
        int bars = 0;
        for (std::size_t i = 0; i < line.size(); ++i)
            if (line[i] == '|' && (i == 0 || line[i - 1] != '\\')) ++bars;
        EXPECT_EQ(bars, 7) << line;
    }
}

}  // namespace
}  // namespace mew::options
