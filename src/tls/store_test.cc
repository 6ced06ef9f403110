#include "tls/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/test_client.h"

namespace mew::tls {
namespace {

using testing::HasSubstr;

Certificate certificate_for(const std::string& name, std::vector<std::string> names) {
    TestWish wish;
    wish.name = name;
    return make_certificate(make_pair(wish), std::move(names));
}

std::string shown_for(Store& store, const std::string& name) {
    ClientWish wish;
    wish.name = name;
    TestConnection connection(store, wish);
    EXPECT_EQ(connection.talk(), State::open) << connection.session.failure_text();
    return connection.client.shown_name();
}

TEST(Store, NamesChooseTheCertificate) {
    Material material = material_of(certificate_for("default", {}));
    material.sni = {certificate_for("one", {"one.example", "also.example"}),
                    certificate_for("wild", {"*.example"}),
                    certificate_for("late", {"one.example"})};
    Store store;
    ASSERT_TRUE(store.apply(material, {}));
    EXPECT_EQ(shown_for(store, "one.example"), "one");
    EXPECT_EQ(shown_for(store, "ALSO.Example"), "one");
    EXPECT_EQ(shown_for(store, "other.example"), "wild");
    EXPECT_EQ(shown_for(store, "a.b.example"), "default");
    EXPECT_EQ(shown_for(store, "elsewhere"), "default");
    EXPECT_EQ(shown_for(store, ""), "default");
}

TEST(Store, ServesWhatItHas) {
    Store store;
    EXPECT_FALSE(store.serves(0));
    ASSERT_TRUE(store.apply(material_of(certificate_for("x", {})), {}));
    EXPECT_TRUE(store.serves(0));
    EXPECT_FALSE(store.serves(1));
}

TEST(Store, NewCertificatesAreForNewSessions) {
    Store store;
    ASSERT_TRUE(store.apply(material_of(certificate_for("old", {})), {}));
    TestConnection kept(store);
    TestConnection begun(store);
    ASSERT_EQ(kept.talk(), State::open);
    ASSERT_TRUE(store.apply(material_of(certificate_for("new", {})), {}));
    kept.client.say("still here");
    EXPECT_EQ(kept.talk(), State::open);
    EXPECT_EQ(kept.plain, "still here");
    EXPECT_EQ(kept.client.shown_name(), "old");
    EXPECT_EQ(begun.talk(), State::open);
    EXPECT_EQ(begun.client.shown_name(), "new");
}

TEST(Store, AMistakeChangesNothing) {
    Store store;
    ASSERT_TRUE(store.apply(material_of(certificate_for("old", {})), {}));
    Material material = material_of(certificate_for("new", {}));
    material.sni.push_back(certificate_for("broken", {"broken"}));
    material.sni.back().key_pem = make_pair().key_pem();
    const auto applied = store.apply(material, {});
    ASSERT_FALSE(applied);
    EXPECT_THAT(applied.error().text, HasSubstr("test.crt: the key is not this certificate's"));
    EXPECT_EQ(shown_for(store, "broken"), "old");
}

TEST(Store, MistakesSayWhatIsWrong) {
    const TestPair pair = make_pair();
    const auto text_of = [](const Certificate& certificate) {
        Store store;
        const auto applied = store.apply(material_of(certificate), {});
        return applied ? std::string() : applied.error().text;
    };
    Certificate certificate = make_certificate(pair);
    certificate.chain_pem = "nothing";
    EXPECT_THAT(text_of(certificate), HasSubstr("test.crt: no certificate is in it"));
    certificate.chain_pem = pair.chain_pem();
    certificate.chain_pem[40] ^= 1;
    EXPECT_THAT(text_of(certificate), HasSubstr("certificate 1 in it is damaged"));
    certificate = make_certificate(pair);
    certificate.key_pem = pair.key_pem("secret");
    EXPECT_THAT(text_of(certificate), HasSubstr("key is encrypted"));
    certificate.key_pem = "nothing";
    EXPECT_THAT(text_of(certificate), HasSubstr("no private key can be read"));
    certificate = make_certificate(pair);
    certificate.ciphers = "NOSUCH";
    EXPECT_THAT(text_of(certificate), HasSubstr("no cipher is left of 'NOSUCH'"));
    certificate = make_certificate(pair);
    certificate.ca_pem = "nothing";
    EXPECT_THAT(text_of(certificate), HasSubstr("the clients' authority of test.crt: no cert"));
}

TEST(Store, SomebodysCiphersAreThoseOfTls12) {
    Certificate certificate = certificate_for("x", {});
    certificate.ciphers = "ECDHE-ECDSA-AES256-SHA384";
    Store store;
    ASSERT_TRUE(store.apply(material_of(certificate), {}));
    ClientWish wish;
    wish.version = TLS1_2_VERSION;
    wish.alpn = "\x02h2\x08http/1.1";
    TestConnection connection(store, wish);
    ASSERT_EQ(connection.talk(), State::open);
    EXPECT_EQ(connection.session.cipher(), "ECDHE-ECDSA-AES256-SHA384");
    EXPECT_EQ(connection.session.alpn(), "http/1.1");  // no AEAD, no HTTP/2
}

TEST(Store, TheWholeChainIsShown) {
    TestWish root;
    root.authority = true;
    root.name = "root";
    const TestPair authority = make_pair(root);
    TestWish leaf;
    leaf.signer = &authority;
    const TestPair pair = make_pair(leaf);
    Certificate certificate = make_certificate(pair);
    certificate.chain_pem += authority.chain_pem();
    Store store;
    ASSERT_TRUE(store.apply(material_of(certificate), {}));
    TestConnection connection(store);
    ASSERT_EQ(connection.talk(), State::open);
    EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(connection.client.ssl())), 2);
}

TEST(Store, AnAnswerIsStapledForWhoAsks) {
    Certificate certificate = certificate_for("x", {});
    certificate.ocsp_der = "an answer";
    Store store;
    ASSERT_TRUE(store.apply(material_of(certificate), {}));
    ClientWish wish;
    wish.asks_status = true;
    TestConnection connection(store, wish);
    ASSERT_EQ(connection.talk(), State::open);
    const unsigned char* bytes = nullptr;
    // NOLINTNEXTLINE(bugprone-multi-level-implicit-pointer-conversion): OpenSSL's macro
    const long size = SSL_get_tlsext_status_ocsp_resp(connection.client.ssl(), &bytes);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)),
              "an answer");
}

}  // namespace
}  // namespace mew::tls
