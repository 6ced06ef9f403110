#include "tls/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/test_client.h"

namespace mew::tls {
namespace {

using testing::HasSubstr;

class SessionTest : public testing::TestWithParam<int> {
protected:
    SessionTest() {
        settings_.http2 = true;
        EXPECT_TRUE(store_.apply(material_of(make_certificate(make_pair())), settings_));
    }
    ClientWish wish() const {
        ClientWish wish;
        wish.version = GetParam();
        return wish;
    }

    Settings settings_;
    Store store_;
};

INSTANTIATE_TEST_SUITE_P(Versions, SessionTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(SessionTest, BytesGoBothWays) {
    TestConnection connection(store_, wish());
    ASSERT_EQ(connection.talk(), State::open) << connection.session.failure_text();
    connection.client.say("GET / HTTP/1.1\r\n");
    connection.talk();
    EXPECT_EQ(connection.plain, "GET / HTTP/1.1\r\n");
    connection.answer("HTTP/1.1 200 OK\r\n");
    EXPECT_EQ(connection.client.heard, "HTTP/1.1 200 OK\r\n");
    EXPECT_EQ(connection.session.protocol(), GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_THAT(std::string(connection.session.cipher()), HasSubstr("GCM"));
    EXPECT_GE(connection.session.cipher_bits(), 128);
    EXPECT_EQ(connection.session.server_name(), "localhost");
    EXPECT_EQ(connection.session.verify(), "NONE");
    EXPECT_FALSE(connection.session.resumed());
}

TEST_P(SessionTest, BytesMayComeOneByOne) {
    TestConnection connection(store_, wish());
    SSL_do_handshake(connection.client.ssl());
    bool said = false;
    for (std::string bytes = connection.client.take(); !bytes.empty();
         bytes = connection.client.take()) {
        std::string answer;
        for (const char byte : bytes)
            connection.session.receive({&byte, 1}, connection.plain, answer);
        connection.client.give(answer);
        if (!std::exchange(said, SSL_is_init_finished(connection.client.ssl()) == 1))
            connection.client.say("hello");
    }
    EXPECT_EQ(connection.session.state(), State::open) << connection.session.failure_text();
    EXPECT_EQ(connection.plain, "hello");
}

TEST_P(SessionTest, AlpnPrefersHttp2) {
    ClientWish both = wish();
    both.alpn = "\x08http/1.1\x02h2";
    TestConnection connection(store_, both);
    ASSERT_EQ(connection.talk(), State::open);
    EXPECT_EQ(connection.session.alpn(), "h2");
}

TEST_P(SessionTest, AlpnWithoutHttp2) {
    settings_.http2 = false;
    ASSERT_TRUE(store_.apply(material_of(make_certificate(make_pair())), settings_));
    ClientWish both = wish();
    both.alpn = "\x02h2\x08http/1.1";
    TestConnection connection(store_, both);
    ASSERT_EQ(connection.talk(), State::open);
    EXPECT_EQ(connection.session.alpn(), "http/1.1");
}

TEST_P(SessionTest, AProtocolThatIsNotOursEndsTheHandshake) {
    ClientWish mail = wish();
    mail.alpn = "\x04imap";
    TestConnection connection(store_, mail);
    EXPECT_EQ(connection.talk(), State::failed);
    EXPECT_EQ(connection.session.failure(), Failure::handshake);
}

TEST_P(SessionTest, ManyRecordsInOneCall) {
    TestConnection connection(store_, wish());
    ASSERT_EQ(connection.talk(), State::open);
    const std::string large(300000, 'x');
    connection.client.say(large);
    std::string answer;
    connection.session.receive(connection.client.take(), connection.plain, answer);
    EXPECT_EQ(connection.plain, large);
}

TEST_P(SessionTest, ALargeAnswerIsManyRecords) {
    TestConnection connection(store_, wish());
    ASSERT_EQ(connection.talk(), State::open);
    const std::string large(1000000, 'y');
    connection.answer(large);
    EXPECT_EQ(connection.client.heard, large);
}

TEST_P(SessionTest, TheEndIsTold) {
    TestConnection connection(store_, wish());
    ASSERT_EQ(connection.talk(), State::open);
    SSL_shutdown(connection.client.ssl());
    EXPECT_EQ(connection.talk(), State::closed);
    connection.answer("late");  // what was asked for before the end is answered
    EXPECT_EQ(connection.client.heard, "late");
    std::string cipher;
    connection.session.shutdown(cipher);
    connection.client.give(cipher);
    EXPECT_TRUE(connection.client.closed);
}

TEST_P(SessionTest, DamagedRecordsAreRefused) {
    TestConnection connection(store_, wish());
    ASSERT_EQ(connection.talk(), State::open);
    connection.client.say("hello");
    std::string bytes = connection.client.take();
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    std::string alert;
    EXPECT_EQ(connection.session.receive(bytes, connection.plain, alert), State::failed);
    EXPECT_EQ(connection.session.failure(), Failure::record);
    EXPECT_FALSE(alert.empty());
    EXPECT_EQ(connection.plain, "");
    std::string more;
    EXPECT_EQ(connection.session.receive("x", connection.plain, more), State::failed);
    connection.session.send("no", more);
    connection.session.shutdown(more);
    EXPECT_EQ(more, "");
}

TEST_P(SessionTest, FullHandshakesAreNotResumed) {
    TestConnection first(store_, wish());
    ASSERT_EQ(first.talk(), State::open);
    ASSERT_NE(first.client.ticket(), nullptr);
    EXPECT_FALSE(first.session.resumed());
}

TEST_F(SessionTest, PlainHttpIsRecognised) {
    Session session(store_, 0);
    std::string plain;
    std::string cipher;
    EXPECT_EQ(session.receive("G", plain, cipher), State::failed);
    EXPECT_EQ(session.failure(), Failure::plain_http);
    EXPECT_THAT(session.failure_text(), HasSubstr("plain HTTP"));
    EXPECT_EQ(cipher, "");
}

TEST_F(SessionTest, OtherBytesAreNoTls) {
    for (const std::string& bytes : {std::string(1, '\0'), std::string("\x80\x2e\x01\x03\x01")}) {
        Session session(store_, 0);
        std::string plain;
        std::string cipher;
        EXPECT_EQ(session.receive(bytes, plain, cipher), State::failed);
        EXPECT_EQ(session.failure(), Failure::not_tls);
    }
}

TEST_F(SessionTest, OldVersionsAreRefused) {
    ClientWish old;
    old.version = TLS1_1_VERSION;
    old.ciphers = "ALL:@SECLEVEL=0";
    TestConnection connection(store_, old);
    EXPECT_EQ(connection.talk(), State::failed);
    EXPECT_EQ(connection.session.failure(), Failure::handshake);
    EXPECT_THAT(connection.session.failure_text(), HasSubstr("protocol"));
}

TEST_F(SessionTest, Tls12CanBeRefused) {
    settings_.oldest = Version::tls13;
    ASSERT_TRUE(store_.apply(material_of(make_certificate(make_pair())), settings_));
    ClientWish old;
    old.version = TLS1_2_VERSION;
    EXPECT_EQ(TestConnection(store_, old).talk(), State::failed);
    EXPECT_EQ(TestConnection(store_).talk(), State::open);
}

TEST_F(SessionTest, CiphersWithoutForwardSecrecyAreRefused) {
    for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"}) {
        ClientWish weak;
        weak.version = TLS1_2_VERSION;
        weak.ciphers = ciphers;
        EXPECT_EQ(TestConnection(store_, weak).talk(), State::failed) << ciphers;
    }
}

TEST_F(SessionTest, AHandshakeAnewIsRefused) {
    ClientWish old;
    old.version = TLS1_2_VERSION;
    TestConnection connection(store_, old);
    ASSERT_EQ(connection.talk(), State::open);
    ASSERT_EQ(SSL_renegotiate(connection.client.ssl()), 1);
    std::string plain;
    std::string answer;
    SSL_do_handshake(connection.client.ssl());
    connection.session.receive(connection.client.take(), plain, answer);
    EXPECT_FALSE(answer.empty());  // the alert
    connection.client.give(answer);
    EXPECT_NE(SSL_is_init_finished(connection.client.ssl()), 1);
}

TEST_F(SessionTest, NewKeysAgainAndAgainEndTheConnection) {
    TestConnection connection(store_);
    ASSERT_EQ(connection.talk(), State::open);
    for (int i = 0; i < 1100; ++i) {
        ASSERT_EQ(SSL_key_update(connection.client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
        connection.client.say("x");
        connection.talk();
        if (connection.session.state() == State::failed) break;
    }
    EXPECT_EQ(connection.session.failure(), Failure::record);
    EXPECT_GT(connection.plain.size(), 900U);
}

}  // namespace
}  // namespace mew::tls
