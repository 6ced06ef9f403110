#include "options/certificate_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::options {
namespace {

using testing::HasSubstr;

TEST(CertificateText, HttpsIsAsUwsgiWritesIt) {
    auto full = parse_https("[::1]:8443,site.crt,site.key,HIGH,!ca.pem");
    ASSERT_TRUE(full);
    EXPECT_EQ(*full,
              (CertificateText{"[::1]:8443", "site.crt", "site.key", "HIGH", "ca.pem", true}));
    EXPECT_EQ(*parse_https("=0, a.crt, a.key"), (CertificateText{"=0", "a.crt", "a.key"}));
    const auto optional = parse_https(":1,c,k,,ca.pem");
    ASSERT_TRUE(optional);
    EXPECT_EQ(optional->ciphers, "");
    EXPECT_EQ(optional->client_ca, "ca.pem");
    EXPECT_FALSE(optional->client_required);
}

TEST(CertificateText, HttpsThatLacksSomethingIsAMistake) {
    for (const char* text :
         {"", ":8443", ":8443,c", ":8443,,k", ":8443,c,", ",c,k", ":1,c,k,h,a,b"})
        EXPECT_FALSE(parse_https(text)) << text;
    EXPECT_THAT(parse_https(":8443,c").error().text, HasSubstr("ADDRESS,CERTIFICATE,KEY"));
}

TEST(CertificateText, Https2HasTheSameByName) {
    const auto full = parse_https2("addr=:8443,cert=c,key=k,ciphers=HIGH,clientca=!ca.pem,spdy=1");
    ASSERT_TRUE(full);
    EXPECT_EQ(https_text(*full), ":8443,c,k,HIGH,!ca.pem");
    EXPECT_EQ(https_text(*parse_https2("key=k,cert=c,addr=:1")), ":1,c,k");
    EXPECT_FALSE(parse_https2("addr=:8443,cert=c"));
    EXPECT_THAT(parse_https2("addr=:1,cert=c,key=k,chain=x").error().text, HasSubstr("chain=x"));
}

TEST(CertificateText, ItsTextSaysTheSame) {
    for (const char* text : {":1,c,k", ":1,c,k,HIGH", ":1,c,k,,ca", ":1,c,k,HIGH,!ca"})
        EXPECT_EQ(https_text(*parse_https(text)), text);
}

TEST(CertificateText, SniNamesWhatClientsAskFor) {
    EXPECT_EQ(*parse_sni("WWW.Example.org a.crt,a.key"),
              (CertificateText{"www.example.org", "a.crt", "a.key"}));
    EXPECT_EQ(parse_sni("*.example.org c,k,HIGH,!ca")->name, "*.example.org");
    EXPECT_TRUE(parse_sni("*.example.org c,k,HIGH,!ca")->client_required);
    for (const char* text : {"", "example.org", "example.org c", "a/b c,k", "*. c,k", " c,k"})
        EXPECT_FALSE(parse_sni(text)) << text;
}

}  // namespace
}  // namespace mew::options
