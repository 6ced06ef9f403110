// What real web servers send (tests/fuzz/corpus/*/nginx_*) is understood, however it is split.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "gateway/fastcgi_codec.h"
#include "gateway/scgi_codec.h"
#include "gateway/uwsgi_codec.h"
#include "http/testing/conversation.h"
#include "http/testing/splits.h"

namespace mew::gateway {
namespace {

namespace fs = std::filesystem;

template <class Codec>
std::unique_ptr<http::Codec> make(const http::Limits& limits) {
    if constexpr (std::is_same_v<Codec, UwsgiCodec>) {
        return std::make_unique<UwsgiCodec>(limits, false);
    } else {
        return std::make_unique<Codec>(limits);
    }
}

// How many captures there are, all of which must hold whole requests.
int converse_all(const std::string& kind, http::MakeCodec make_codec) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(MEW_SOURCE_DIR "/tests/fuzz/corpus/" + kind)) {
        if (!entry.path().filename().string().starts_with("nginx_")) continue;
        SCOPED_TRACE(entry.path().string());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string wire{std::istreambuf_iterator<char>(file), {}};
        const auto seen = http::converse_split(
            [&] { return std::make_unique<http::Conversation>(make_codec, http::Limits{}); }, wire);
        EXPECT_EQ(seen->refused(), 0) << seen->text();
        EXPECT_GE(seen->heads(), 1);
        EXPECT_EQ(seen->bodies(), seen->heads());
        EXPECT_EQ(seen->pending(), "");
        ++count;
    }
    return count;
}

TEST(Captures, Uwsgi) { EXPECT_GE(converse_all("uwsgi", make<UwsgiCodec>), 10); }
TEST(Captures, Scgi) { EXPECT_GE(converse_all("scgi", make<ScgiCodec>), 9); }
TEST(Captures, Fastcgi) { EXPECT_GE(converse_all("fastcgi", make<FastcgiCodec>), 11); }

}  // namespace
}  // namespace mew::gateway
