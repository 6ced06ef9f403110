// Tickets: sessions that another store of the same keys resumes, as another front does.

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/test_client.h"

namespace mew::tls {
namespace {

std::array<std::uint8_t, TicketKeys::kSize> key_of(std::uint8_t byte) {
    std::array<std::uint8_t, TicketKeys::kSize> key;
    key.fill(byte);
    return key;
}

TicketKeys keys_of(std::uint8_t newest, std::uint8_t older, std::uint8_t oldest) {
    return {{key_of(newest), key_of(older), key_of(oldest)}};
}

class Resumption : public testing::TestWithParam<int> {
protected:
    Resumption() : pair_(make_pair()) {
        for (Store* const store : {&first_, &second_}) {
            EXPECT_TRUE(store->apply(material_of(make_certificate(pair_)), {}));
            store->set_ticket_keys(keys_of(1, 2, 3));
        }
    }
    ClientWish wish(SSL_SESSION* ticket = nullptr) const {
        ClientWish wish;
        wish.version = GetParam();
        wish.ticket = ticket;
        return wish;
    }
    // Is a session that `first_` began resumed by `store`?
    bool resumes(Store& store, SSL_SESSION* ticket) {
        TestConnection again(store, wish(ticket));
        EXPECT_EQ(again.talk(), State::open) << again.session.failure_text();
        EXPECT_EQ(SSL_session_reused(again.client.ssl()) == 1, again.session.resumed());
        again.client.say("hello");
        again.talk();
        EXPECT_EQ(again.plain, "hello");
        return again.session.resumed();
    }

    TestPair pair_;
    Store first_;
    Store second_;
};

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(Resumption, WorksInAnotherStoreOfTheSameKeys) {
    TestConnection begun(first_, wish());
    ASSERT_EQ(begun.talk(), State::open);
    EXPECT_TRUE(resumes(second_, begun.client.ticket()));
}

TEST_P(Resumption, OutlivesNewKeysAndCertificates) {
    TestConnection begun(first_, wish());
    ASSERT_EQ(begun.talk(), State::open);
    second_.set_ticket_keys(keys_of(0, 1, 2));
    EXPECT_TRUE(resumes(second_, begun.client.ticket()));
    second_.set_ticket_keys(keys_of(9, 0, 1));
    ASSERT_TRUE(second_.apply(material_of(make_certificate(make_pair())), {}));
    EXPECT_TRUE(resumes(second_, begun.client.ticket()));
}

TEST_P(Resumption, EndsWithItsKey) {
    TestConnection begun(first_, wish());
    ASSERT_EQ(begun.talk(), State::open);
    second_.set_ticket_keys(keys_of(8, 9, 0));
    EXPECT_FALSE(resumes(second_, begun.client.ticket()));
}

TEST_P(Resumption, GivesANewTicketOfTheNewestKey) {
    TestConnection begun(first_, wish());
    ASSERT_EQ(begun.talk(), State::open);
    second_.set_ticket_keys(keys_of(0, 9, 1));
    TestConnection again(second_, wish(begun.client.ticket()));
    ASSERT_EQ(again.talk(), State::open);
    ASSERT_TRUE(again.session.resumed());
    ASSERT_NE(again.client.ticket(), nullptr);
    second_.set_ticket_keys(keys_of(7, 0, 8));
    EXPECT_TRUE(resumes(second_, again.client.ticket()));
}

TEST_P(Resumption, OfAStoreAloneNeedsNoKeys) {
    Store alone;
    ASSERT_TRUE(alone.apply(material_of(make_certificate(pair_)), {}));
    TestConnection begun(alone, wish());
    ASSERT_EQ(begun.talk(), State::open);
    EXPECT_TRUE(resumes(alone, begun.client.ticket()));
    EXPECT_FALSE(resumes(first_, begun.client.ticket()));
}

class EarlyData : public testing::Test {
protected:
    EarlyData() {
        settings_.early_data = true;
        EXPECT_TRUE(store_.apply(material_of(make_certificate(make_pair())), settings_));
    }
    // A client that has a ticket, and sends `text` with its first bytes.
    std::string hello_with(TestClient& client, const std::string& text) {
        std::size_t written = 0;
        EXPECT_EQ(SSL_write_early_data(client.ssl(), text.data(), text.size(), &written), 1);
        return client.take();
    }

    Settings settings_;
    Store store_;
};

TEST_F(EarlyData, IsToldFromWhatComesAfterTheHandshake) {
    TestConnection begun(store_);
    ASSERT_EQ(begun.talk(), State::open);
    EXPECT_FALSE(begun.session.had_early_data());
    ClientWish wish;
    wish.ticket = begun.client.ticket();
    TestConnection again(store_, wish);
    std::string answer;
    again.session.receive(hello_with(again.client, "early"), again.plain, answer);
    EXPECT_EQ(again.plain, "early");
    EXPECT_TRUE(again.session.in_early_data());
    EXPECT_EQ(again.session.state(), State::handshaking);
    again.session.send("answer", answer);
    again.client.give(answer);
    EXPECT_EQ(again.client.heard, "answer");
    again.client.say(" late");
    EXPECT_EQ(again.talk(), State::open) << again.session.failure_text();
    EXPECT_FALSE(again.session.in_early_data());
    EXPECT_TRUE(again.session.had_early_data());
    EXPECT_EQ(again.plain, "early late");
}

TEST_F(EarlyData, IsThrownAwayWhereItIsOff) {
    TestConnection begun(store_);
    ASSERT_EQ(begun.talk(), State::open);
    settings_.early_data = false;
    ASSERT_TRUE(store_.apply(material_of(make_certificate(make_pair())), settings_));
    ClientWish wish;
    wish.ticket = begun.client.ticket();
    TestConnection again(store_, wish);
    std::string answer;
    again.session.receive(hello_with(again.client, "early"), again.plain, answer);
    again.client.give(answer);
    again.client.say("late");
    EXPECT_EQ(again.talk(), State::open) << again.session.failure_text();
    EXPECT_FALSE(again.session.had_early_data());
    EXPECT_EQ(again.plain, "late");
}

TEST_F(EarlyData, BytesMayComeOneByOne) {
    TestConnection begun(store_);
    ASSERT_EQ(begun.talk(), State::open);
    ClientWish wish;
    wish.ticket = begun.client.ticket();
    TestConnection again(store_, wish);
    std::string answer;
    for (const char byte : hello_with(again.client, "early"))
        again.session.receive({&byte, 1}, again.plain, answer);
    EXPECT_EQ(again.plain, "early");
    again.client.give(answer);
    EXPECT_EQ(again.talk(), State::open) << again.session.failure_text();
}

}  // namespace
}  // namespace mew::tls
