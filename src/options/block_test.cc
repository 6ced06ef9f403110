#include <gtest/gtest.h>

#include "options/apply.h"
#include "options/row.h"
#include "options/test_files.h"

namespace mew::options {
namespace {

const std::string kOdd("\0:1,\n\xff", 6);

// Every field away from its default.
Options changed_options() {
    Options options;
    for (const Row& row : table()) {
        if (auto* const field = std::get_if<bool Options::*>(&row.field))
            options.*(*field) = !(options.*(*field));
        if (auto* const field = std::get_if<int Options::*>(&row.field)) options.*(*field) += 1;
        if (auto* const field = std::get_if<std::uint32_t Options::*>(&row.field))
            options.*(*field) += 1;
        if (auto* const field = std::get_if<std::uint64_t Options::*>(&row.field))
            options.*(*field) += 1;
        if (auto* const field = std::get_if<Milliseconds Options::*>(&row.field))
            options.*(*field) += Milliseconds(1);
        if (auto* const field = std::get_if<std::string Options::*>(&row.field))
            options.*(*field) = std::string(row.name) + kOdd;
        if (auto* const field = std::get_if<std::vector<std::string> Options::*>(&row.field))
            options.*(*field) = {"", kOdd, "x"};
    }
    options.preload = Preload::off;
    options.processes = 7;
    options.processes_auto = true;
    options.http_processes = 7;
    options.http_keepalive = Milliseconds(1);
    options.listen_addresses = {{ListenAddress::Protocol::http, "http-socket", kOdd},
                                {ListenAddress::Protocol::http, "http", ":1"},
                                {ListenAddress::Protocol::http, "http-socket", ":2"},
                                {ListenAddress::Protocol::scgi, "socket", "a"},
                                {ListenAddress::Protocol::uwsgi, "uwsgi-socket", "b"},
                                {ListenAddress::Protocol::uwsgi_kept, "puwsgi-socket", "c"},
                                {ListenAddress::Protocol::fastcgi, "fastcgi-socket", "d"},
                                {ListenAddress::Protocol::scgi, "scgi-socket", "e"}};
    options.listen_addresses.push_back({ListenAddress::Protocol::http, "https-dev", "f"});
    options.listen_addresses.push_back({ListenAddress::Protocol::http, "http-to-https", "g"});
    options.https = {kOdd, ":1,c,k"};
    options.sni = {kOdd, "x c,k"};
    options.env = {{"A", std::nullopt}, {"A", ""}, {kOdd, kOdd}};
    return options;
}

TEST(Block, IsLossless) {
    Loaded loaded;
    loaded.options = changed_options();
    loaded.given = {{"http", ":1", false, "app.ini:1", "httprouter"},
                    {kOdd, kOdd, true, kOdd, kOdd},
                    {"", "", false, "", ""}};
    loaded.warnings = {{"a", kOdd}};
    loaded.mistakes = {{"", ""}};
    auto back = decode_block(encode_block(loaded));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(*back, loaded);
}

TEST(Block, HoldsEveryFieldOfTheTable) {
    Loaded loaded;
    loaded.options = changed_options();
    for (const Effective& one : effective(loaded.options)) EXPECT_TRUE(one.changed) << one.name;
}

TEST(Block, DefaultsAndEmptyTexts) {
    EXPECT_EQ(*decode_block(encode_block(Loaded{})), Loaded{});
    Loaded loaded;
    loaded.options.log_level.clear();
    EXPECT_EQ(*decode_block(encode_block(loaded)), loaded);
}

TEST(Block, DamageIsNoticed) {
    Loaded loaded;
    loaded.given = {{"a", "b", false, "c", "d"}};
    const std::string block = encode_block(loaded);
    EXPECT_FALSE(decode_block(""));
    EXPECT_FALSE(decode_block("something else"));
    std::size_t refused = 0;
    for (std::size_t size = 0; size < block.size(); ++size)
        if (!decode_block(block.substr(0, size))) ++refused;
    // A cut between two records cannot be seen; all others are.
    EXPECT_GT(refused, block.size() * 9 / 10);
    EXPECT_FALSE(decode_block(block + "99999999999999999999:x,"));
    EXPECT_FALSE(decode_block(block + "18446744073709551615:x,"));
    EXPECT_FALSE(decode_block(block + "6:option,1:2,4:nope,1:x,"));
    EXPECT_FALSE(decode_block(block + "9:processes,1:2,1:x,0:,"));
    EXPECT_FALSE(decode_block(block + "4:oops,1:0,"));
    EXPECT_FALSE(decode_block(block + "6:option,1:2,11:buffer-size,1:x,"));
}

TEST(Block, AnyByteMayBeWrong) {
    Loaded loaded;
    loaded.given = {{"a", "b", false, "c", "d"}};
    const std::string block = encode_block(loaded);
    for (std::size_t at = 0; at < block.size(); ++at) {
        for (const char wrong : {'\0', '9', ':', ',', '\xff'}) {
            std::string damaged = block;
            damaged[at] = wrong;
            const auto back = decode_block(damaged);
            EXPECT_TRUE(!back || back->given.size() <= 1U);
        }
    }
}

}  // namespace
}  // namespace mew::options
