#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "options/apply.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/test_files.h"
#include "options/uwsgi_names.h"

namespace mew::options {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Table, NamesAndShortFormsAreUnique) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const Row& row : table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        for (const auto alias : words(row.aliases))
            EXPECT_TRUE(names.insert(alias).second) << alias;
        EXPECT_TRUE(row.short_form == '\0' || letters.insert(row.short_form).second) << row.name;
    }
}

TEST(Table, DefaultTextsAreWhatTheFieldsStartWith) {
    const Options defaults;
    for (const Row& row : table()) {
        const bool plain = row.type == Type::boolean || row.type == Type::integer ||
                           row.type == Type::bytes || row.type == Type::duration ||
                           row.type == Type::choice;
        if (!plain || !has_value(row)) continue;
        Options options;
        ASSERT_TRUE(apply_value(options, row, row.default_text)) << row.name;
        EXPECT_EQ(show_values(options, row), show_values(defaults, row)) << row.name;
    }
}

TEST(Table, RowsAreWhole) {
    for (const Row& row : table()) {
        EXPECT_FALSE(row.help.empty()) << row.name;
        EXPECT_TRUE(row.help.ends_with('.')) << row.name;
        EXPECT_EQ(row.status == Status::no_effect, !row.reason.empty()) << row.name;
        EXPECT_EQ(find_row(row.name), &row);
        EXPECT_TRUE(row.type != Type::boolean || row.value_name.empty()) << row.name;
        const bool bounded =
            row.type == Type::integer || row.type == Type::bytes || row.type == Type::duration;
        EXPECT_EQ(bounded, row.bounds.low < row.bounds.high) << row.name;
    }
}

TEST(Table, SaysTrulyWhetherUwsgiHasAnOption) {
    for (const Row& row : table()) {
        bool theirs = find_uwsgi_name(row.name) != nullptr;
        for (const auto alias : words(row.aliases))
            theirs = theirs || find_uwsgi_name(alias) != nullptr;
        EXPECT_EQ(row.uwsgi, theirs) << row.name;
    }
}

TEST(Table, NoShortFormHasAnotherMeaningThanUwsgis) {
    // It gives some letters to two names of one kind (socket, uwsgi-socket).
    std::map<char, bool> agrees;
    for (const UwsgiName& known : uwsgi_names()) {
        const Row* const row = find_short(known.short_form);
        if (known.short_form == '\0' || row == nullptr) continue;
        agrees[known.short_form] |= find_row(known.name) == row;
    }
    EXPECT_FALSE(agrees.empty());
    for (const auto& [letter, agreed] : agrees) EXPECT_TRUE(agreed) << letter;
}

TEST(Table, UwsgiNamesAreSortedForTheSearch) {
    const auto names = uwsgi_names();
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end(),
                               [](const auto& a, const auto& b) { return a.name < b.name; }));
    EXPECT_NE(find_uwsgi_name("socket"), nullptr);
    EXPECT_EQ(find_uwsgi_name("sockett"), nullptr);
    EXPECT_EQ(find_uwsgi_name(""), nullptr);
    EXPECT_EQ(find_row(""), nullptr);
    EXPECT_EQ(find_row("venv pyhome"), nullptr);
    EXPECT_TRUE(must_not_be_ignored("https-socket"));
    EXPECT_FALSE(must_not_be_ignored("threads"));
}

base::Result<void> set(Options& options, std::string_view name, std::string_view value) {
    return apply_value(options, *find_row(name), value);
}
std::string fault(std::string_view name, std::string_view value) {
    Options options;
    const auto result = set(options, name, value);
    EXPECT_EQ(options, Options{}) << name;
    return result ? "" : result.error().text;
}

TEST(Apply, BoundsAreChecked) {
    EXPECT_THAT(fault("processes", "0"), HasSubstr("0 is outside 1 to 1024"));
    EXPECT_THAT(fault("processes", "1025"), HasSubstr("outside"));
    EXPECT_THAT(fault("processes", "99999999999999999999"), HasSubstr("too large"));
    EXPECT_THAT(fault("processes", "-1"), HasSubstr("outside"));
    EXPECT_THAT(fault("buffer-size", "1k1"), HasSubstr("not a size"));
    EXPECT_THAT(fault("buffer-size", "5g"), HasSubstr("outside"));
    EXPECT_THAT(fault("stop-mercy", "400d"), HasSubstr("outside 0s to 86400s"));
    EXPECT_THAT(fault("log-level", "loud"), HasSubstr("debug, info, warning, error"));
    EXPECT_THAT(fault("chmod-socket", "999"), HasSubstr("octal"));
    EXPECT_THAT(fault("chmod-socket", ""), HasSubstr("octal"));
    EXPECT_THAT(fault("preload", "maybe"), HasSubstr("on, off, auto"));
    EXPECT_THAT(fault("module", std::string_view("a\0b", 3)), HasSubstr("NUL"));
    EXPECT_THAT(fault("env", "=x"), HasSubstr("NAME=VALUE"));
}

TEST(Apply, ProcessesAutoIsANumberAtOnce) {
    Options options;
    ASSERT_TRUE(set(options, "processes", "auto"));
    EXPECT_TRUE(options.processes_auto);
    EXPECT_GE(options.processes, 1);
    ASSERT_TRUE(set(options, "processes", "3"));
    EXPECT_FALSE(options.processes_auto);
    EXPECT_EQ(options.processes, 3);
    ASSERT_TRUE(set(options, "processes", "%k"));
    EXPECT_TRUE(options.processes_auto);
}

TEST(Apply, FrontsAreAutomaticUnlessANumberIsGiven) {
    Options options;
    ASSERT_TRUE(set(options, "http-processes", "3"));
    EXPECT_EQ(options.http_processes, 3);
    EXPECT_THAT(show_http_processes(options), ElementsAre("3"));
    for (const char* text : {"auto", "0"}) {
        options.http_processes = 3;
        ASSERT_TRUE(set(options, "http-processes", text));
        EXPECT_EQ(options.http_processes, 0);
        EXPECT_THAT(show_http_processes(options), ElementsAre("auto"));
    }
    EXPECT_THAT(fault("http-processes", "65"), HasSubstr("outside"));
    EXPECT_THAT(fault("http-retry", "always"), HasSubstr("queued, safe, off"));
}

TEST(Apply, KeepaliveKnowsHowUwsgisUsersSayOn) {
    Options options;
    ASSERT_TRUE(set(options, "http-keepalive", "0"));
    EXPECT_EQ(options.http_keepalive.count(), 0);
    ASSERT_TRUE(set(options, "http-keepalive", "1"));
    EXPECT_EQ(options.http_keepalive, Options{}.http_keepalive);
    ASSERT_TRUE(set(options, "http-keepalive", "1s"));
    EXPECT_EQ(options.http_keepalive.count(), 1000);
    ASSERT_TRUE(set(options, "http-keepalive", "false"));
    EXPECT_EQ(options.http_keepalive.count(), 0);
}

TEST(Apply, OneTimeoutOfUwsgiSetsTwo) {
    Options options;
    ASSERT_TRUE(set(options, "http-timeout", "7"));
    EXPECT_EQ(options.http_body_timeout.count(), 7000);
    EXPECT_EQ(options.http_send_timeout.count(), 7000);
}

TEST(Apply, ListsGather) {
    Options options;
    ASSERT_TRUE(set(options, "env", "A=1=2"));
    ASSERT_TRUE(set(options, "env", "B"));
    ASSERT_TRUE(set(options, "env", "C="));
    EXPECT_THAT(show_env(options), ElementsAre("A=1=2", "B", "C="));
    EXPECT_FALSE(options.env[1].value.has_value());
    EXPECT_EQ(options.env[2].value, "");
}

TEST(Apply, Addresses) {
    Options options;
    ASSERT_TRUE(set(options, "http", ":8000"));
    ASSERT_TRUE(set(options, "http-socket", "/run/a.sock"));
    using Protocol = ListenAddress::Protocol;
    EXPECT_THAT(options.listen_addresses,
                ElementsAre(ListenAddress{Protocol::http, "http", ":8000"},
                            ListenAddress{Protocol::http, "http-socket", "/run/a.sock"}));
    // net/address knows them all; what is wrong is told in its words, fit to be shown.
    const auto wrong = set(options, "http", "\x1b[31m:80");
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().text, HasSubstr("\\x1b[31m"));
    const auto bare_port = set(options, "http", "8000");
    ASSERT_FALSE(bare_port);
    EXPECT_THAT(bare_port.error().text, HasSubstr("write :8000"));
    EXPECT_EQ(options.listen_addresses.size(), 2U);
}

TEST(Explain, FrontsMindWhatTheyUseAndNothingElse) {
    Options other;
    other.module = "shop:app";
    other.processes = 7;
    other.max_requests = 5;
    other.worker_reload_mercy = Milliseconds(1);
    EXPECT_THAT(front_changes(Options{}, other), ElementsAre());
    other.http_queue = 7;
    other.buffer_size = 4096;
    other.http_keepalive = Milliseconds(0);
    other.front_seccomp = false;
    other.disable_logging = true;
    EXPECT_THAT(front_changes(Options{}, other),
                ElementsAre("front-seccomp", "buffer-size", "http-queue", "http-keepalive",
                            "disable-logging"));
}

TEST(Apply, EffectiveValuesAreTyped) {
    Options options;
    options.stop_mercy = Milliseconds(1500);
    options.processes = 4;
    options.listen_addresses.push_back({ListenAddress::Protocol::http, "http", ":1"});
    std::size_t seen = 0;
    for (const Effective& one : effective(options)) {
        if (one.name == "stop-mercy") {
            EXPECT_EQ(std::get<double>(one.value), 1.5);
            EXPECT_EQ(one.text, "1500ms");
            EXPECT_TRUE(one.changed);
        } else if (one.name == "processes") {
            EXPECT_EQ(std::get<std::int64_t>(one.value), 4);
        } else if (one.name == "vacuum") {
            EXPECT_TRUE(std::get<bool>(one.value));
            EXPECT_FALSE(one.changed);
        } else if (one.name == "http") {
            EXPECT_THAT(std::get<std::vector<std::string>>(one.value), ElementsAre(":1"));
        } else {
            EXPECT_FALSE(one.changed) << one.name;
            continue;
        }
        ++seen;
    }
    EXPECT_EQ(seen, 4U);
}

}  // namespace
}  // namespace mew::options
