// What an idle connection costs: every allocation of OpenSSL's is counted. A program of its own
// would be needed to count ours; of these there are three a session, added by hand.

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "tls/channel.h"
#include "tls/handshake.h"
#include "tls/test_client.h"

namespace mew::tls {
namespace {

constexpr std::size_t kHead = alignof(std::max_align_t);
std::size_t g_in_use = 0;

void* allocate(std::size_t size, const char*, int) {
    auto* const block = static_cast<char*>(std::malloc(size + kHead));
    if (block == nullptr) return nullptr;
    *reinterpret_cast<std::size_t*>(block) = size;
    g_in_use += size;
    return block + kHead;
}

void release(void* memory, const char*, int) {
    if (memory == nullptr) return;
    char* const block = static_cast<char*>(memory) - kHead;
    g_in_use -= *reinterpret_cast<std::size_t*>(block);
    std::free(block);
}

void* resize(void* memory, std::size_t size, const char* file, int line) {
    if (memory == nullptr) return allocate(size, file, line);
    if (size == 0) {
        release(memory, file, line);
        return nullptr;
    }
    char* const block = static_cast<char*>(memory) - kHead;
    g_in_use -= *reinterpret_cast<std::size_t*>(block);
    auto* const moved = static_cast<char*>(std::realloc(block, size + kHead));
    if (moved == nullptr) return nullptr;
    *reinterpret_cast<std::size_t*>(moved) = size;
    g_in_use += size;
    return moved + kHead;
}

// Only before OpenSSL's first allocation.
const bool kCounted = CRYPTO_set_mem_functions(allocate, resize, release) == 1;

std::size_t bytes_of_idle_session(int version) {
    // Those that were used last keep their buffers; they are few among many.
    constexpr std::size_t kWarm = 64;
    constexpr std::size_t kSessions = 200;
    Store store;
    EXPECT_TRUE(store.apply(material_of(make_certificate(make_pair())), {}));
    ClientWish wish;
    wish.version = version;
    TestConnection warm(store, wish);
    EXPECT_EQ(warm.talk(), State::open);
    std::vector<std::unique_ptr<Session>> idle;
    std::size_t before = g_in_use;
    for (std::size_t i = 0; i < kSessions + kWarm; ++i) {
        if (i == kWarm) before = g_in_use;
        auto session = std::make_unique<Session>(store, 0);
        TestClient client(wish);
        std::string plain;
        SSL_do_handshake(client.ssl());
        client.say("");
        for (std::string said = client.take(); !said.empty(); said = client.take()) {
            std::string answer;
            session->receive(said, plain, answer);
            client.give(answer);
            if (plain.empty() && SSL_is_init_finished(client.ssl()) == 1) client.say("GET /");
        }
        EXPECT_EQ(plain, "GET /");
        std::string answer;
        session->send(std::string(40000, 'x'), answer);
        idle.push_back(std::move(session));
    }
    const std::size_t ours = sizeof(Session) + sizeof(Handshake) + sizeof(Channel);
    return (g_in_use - before) / kSessions + ours;
}

class IdleSession : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Versions, IdleSession, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(IdleSession, TakesLittleMemory) {
    ASSERT_TRUE(kCounted);
    const std::size_t bytes = bytes_of_idle_session(GetParam());
    RecordProperty("bytes", static_cast<int>(bytes));
    EXPECT_GT(bytes, 1000U);
    EXPECT_LE(bytes, std::size_t{24} * 1024);
}

}  // namespace
}  // namespace mew::tls
