// Certificates of clients.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/test_client.h"

namespace mew::tls {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ClientCertificateTest : public testing::TestWithParam<int> {
protected:
    ClientCertificateTest() {
        TestWish wish;
        wish.name = "Authority";
        wish.authority = true;
        authority_ = make_pair(wish);
        ada_ = signed_by(authority_, 86400);
    }
    static TestPair signed_by(const TestPair& signer, long until) {
        TestWish wish;
        wish.name = "ada";
        wish.signer = &signer;
        wish.until = until;
        return make_pair(wish);
    }
    Certificate asking(bool required) const {
        Certificate certificate = make_certificate(make_pair());
        certificate.ca_pem = authority_.chain_pem();
        certificate.client_required = required;
        return certificate;
    }
    ClientWish wish(const TestPair* certificate) const {
        ClientWish wish;
        wish.version = GetParam();
        wish.certificate = certificate;
        return wish;
    }

    TestPair authority_;
    TestPair ada_;
    Store store_;
};

INSTANTIATE_TEST_SUITE_P(Versions, ClientCertificateTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(ClientCertificateTest, IsDescribed) {
    ASSERT_TRUE(store_.apply(material_of(asking(true)), {}));
    TestConnection connection(store_, wish(&ada_));
    ASSERT_EQ(connection.talk(), State::open) << connection.session.failure_text();
    EXPECT_EQ(connection.session.verify(), "SUCCESS");
    const auto facts = connection.session.client_certificate();
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->subject, "CN=ada,O=Mews");
    EXPECT_EQ(facts->subject_slashes, "/O=Mews/CN=ada");
    EXPECT_EQ(facts->issuer, "CN=Authority,O=Mews");
    EXPECT_EQ(facts->fingerprint.size(), 64U);
    EXPECT_EQ(facts->pem, ada_.chain_pem());
    EXPECT_EQ(facts->serial.size(), 4U);
    EXPECT_THAT(facts->not_before, HasSubstr(" GMT"));
    EXPECT_THAT(facts->not_after, HasSubstr(" GMT"));
}

TEST_P(ClientCertificateTest, MayBeOptional) {
    ASSERT_TRUE(store_.apply(material_of(asking(false)), {}));
    TestConnection without(store_, wish(nullptr));
    ASSERT_EQ(without.talk(), State::open);
    EXPECT_EQ(without.session.verify(), "NONE");
    EXPECT_FALSE(without.session.client_certificate());
    TestConnection with(store_, wish(&ada_));
    ASSERT_EQ(with.talk(), State::open);
    EXPECT_EQ(with.session.verify(), "SUCCESS");
}

TEST_P(ClientCertificateTest, MayBeRequired) {
    ASSERT_TRUE(store_.apply(material_of(asking(true)), {}));
    TestConnection connection(store_, wish(nullptr));
    EXPECT_EQ(connection.talk(), State::failed);
    EXPECT_EQ(connection.session.failure(), Failure::certificate);
    EXPECT_EQ(connection.session.failure_text(), "the client sent no certificate");
}

TEST_P(ClientCertificateTest, OfSomebodyElseIsRefusedEvenWhereOptional) {
    TestWish other;
    other.name = "Authority";
    other.authority = true;
    const TestPair forger = make_pair(other);
    const TestPair forged = signed_by(forger, 86400);
    for (const bool required : {false, true}) {
        ASSERT_TRUE(store_.apply(material_of(asking(required)), {}));
        TestConnection connection(store_, wish(&forged));
        EXPECT_EQ(connection.talk(), State::failed);
        EXPECT_EQ(connection.session.failure(), Failure::certificate);
        EXPECT_THAT(connection.session.failure_text(),
                    StartsWith("the client's certificate is refused: "));
    }
}

TEST_P(ClientCertificateTest, ThatEndedIsRefused) {
    ASSERT_TRUE(store_.apply(material_of(asking(true)), {}));
    const TestPair old = signed_by(authority_, -60);
    TestConnection connection(store_, wish(&old));
    EXPECT_EQ(connection.talk(), State::failed);
    EXPECT_THAT(connection.session.failure_text(), HasSubstr("expired"));
}

TEST_P(ClientCertificateTest, IsRememberedByTickets) {
    ASSERT_TRUE(store_.apply(material_of(asking(true)), {}));
    TestConnection first(store_, wish(&ada_));
    ASSERT_EQ(first.talk(), State::open);
    ASSERT_NE(first.client.ticket(), nullptr);
    ClientWish again = wish(nullptr);
    again.ticket = first.client.ticket();
    TestConnection second(store_, again);
    ASSERT_EQ(second.talk(), State::open);
    EXPECT_TRUE(second.session.resumed());
    EXPECT_EQ(second.session.client_certificate()->subject, "CN=ada,O=Mews");
}

// A name's own certificate must not be a way around what the listener asks of all.
TEST_P(ClientCertificateTest, OfTheListenerIsAskedForUnderEveryName) {
    Material material = material_of(asking(true));
    material.sni.push_back(make_certificate(make_pair(), {"other.example"}));
    ASSERT_TRUE(store_.apply(material, {}));
    ClientWish other = wish(nullptr);
    other.name = "other.example";
    TestConnection without(store_, other);
    EXPECT_EQ(without.talk(), State::failed);
    other.certificate = &ada_;
    TestConnection with(store_, other);
    EXPECT_EQ(with.talk(), State::open);
    EXPECT_EQ(with.session.verify(), "SUCCESS");
}

// Nor a ticket that was got where nobody asked.
TEST_P(ClientCertificateTest, IsAskedForAgainUnderAnotherName) {
    Material material = material_of(make_certificate(make_pair()));
    material.sni.push_back(asking(true));
    material.sni.back().names = {"closed.example"};
    ASSERT_TRUE(store_.apply(material, {}));
    TestConnection open(store_, wish(nullptr));
    ASSERT_EQ(open.talk(), State::open);
    ClientWish closed = wish(nullptr);
    closed.name = "closed.example";
    closed.ticket = open.client.ticket();
    TestConnection connection(store_, closed);
    EXPECT_EQ(connection.talk(), State::failed);
    EXPECT_EQ(connection.session.failure(), Failure::certificate);
}

}  // namespace
}  // namespace mew::tls
