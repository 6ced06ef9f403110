// Options and files become what fronts serve, and what the master tells of it.

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "master/certificate_gathering.h"
#include "master/certificate_reader.h"
#include "os/memory_file.h"
#include "tls/files.h"

namespace mew::master {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CertificateTest : public testing::Test {
protected:
    CertificateTest() {
        std::string name =
            (std::filesystem::temp_directory_path() / "mew-certificates-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~CertificateTest() override { std::filesystem::remove_all(folder_); }

    // NAME.crt and NAME.key; the certificate's text.
    std::string write_pair(const std::string& name) const {
        const auto made = tls::make_self_signed();
        EXPECT_TRUE(made);
        std::ofstream(path(name + ".crt")) << made->chain_pem;
        std::ofstream(path(name + ".key")) << made->key_pem;
        return made->chain_pem;
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string files(const std::string& name) const {
        return path(name + ".crt") + "," + path(name + ".key");
    }
    void listen(const std::string& option, const std::string& address) {
        options_.listen_addresses.push_back({net::Protocol::http, option, address});
    }

    std::filesystem::path folder_;
    options::Options options_;
};

TEST_F(CertificateTest, EachAddressGetsItsOwn) {
    const std::string a = write_pair("a");
    const std::string b = write_pair("b");
    listen("https", ":0");
    listen("http", ":1");
    listen("https", ":0");
    options_.https = {":0," + files("a"), ":0," + files("b")};
    const auto gathered = gather_certificates(options_, {});
    ASSERT_TRUE(gathered) << gathered.error().text;
    const auto& listeners = gathered->material.listeners;
    ASSERT_EQ(listeners.size(), 2U);
    EXPECT_EQ(listeners[0].listener, 0U);
    EXPECT_EQ(listeners[0].certificate.chain_pem, a);
    EXPECT_EQ(listeners[1].listener, 2U);
    EXPECT_EQ(listeners[1].certificate.chain_pem, b);
    EXPECT_EQ(gathered->facts.size(), 2U);
    EXPECT_THAT(gathered->paths,
                ElementsAre(path("a.crt"), path("a.key"), path("b.crt"), path("b.key")));
}

TEST_F(CertificateTest, NamesComeFromOptionsAndFolders) {
    write_pair("a");
    write_pair("B.example");
    write_pair("*.c.example");
    listen("https", ":1");
    options_.https = {":1," + files("a")};
    options_.sni = {"One.example " + files("a") + ",HIGH,!" + path("a.crt")};
    std::filesystem::create_directory(path("d"));
    for (const char* name :
         {"B.example.crt", "B.example.key", "*.c.example.crt", "*.c.example.key"})
        std::filesystem::rename(path(name), path("d") + "/" + name);
    std::filesystem::copy(path("a.crt"), path("d") + "/B.example.ca");
    options_.sni_dir = {path("d")};
    const auto gathered = gather_certificates(options_, {});
    ASSERT_TRUE(gathered) << gathered.error().text;
    const auto& sni = gathered->material.sni;
    ASSERT_EQ(sni.size(), 3U);
    EXPECT_THAT(sni[0].names, ElementsAre("one.example"));
    EXPECT_EQ(sni[0].ciphers, "HIGH");
    EXPECT_TRUE(sni[0].client_required);
    EXPECT_THAT(sni[1].names, ElementsAre("*.c.example"));
    EXPECT_THAT(sni[2].names, ElementsAre("b.example"));
    EXPECT_TRUE(sni[2].client_required);
    EXPECT_THAT(gathered->paths, testing::Contains(path("d")));
}

TEST_F(CertificateTest, TheOneForDevelopmentIsKept) {
    listen("https-dev", ":1");
    const auto first = gather_certificates(options_, {});
    ASSERT_TRUE(first);
    const auto again = gather_certificates(options_, first->material);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->material, first->material);
    tls::Material old = first->material;
    old.listeners.front().certificate.expires = std::time(nullptr);
    const auto renewed = gather_certificates(options_, old);
    ASSERT_TRUE(renewed);
    EXPECT_NE(renewed->material.listeners.front().certificate.chain_pem,
              first->material.listeners.front().certificate.chain_pem);
}

TEST_F(CertificateTest, MistakesNameTheOption) {
    write_pair("a");
    listen("https", ":1");
    options_.https = {":1," + files("no")};
    auto gathered = gather_certificates(options_, {});
    ASSERT_FALSE(gathered);
    EXPECT_THAT(gathered.error().text, HasSubstr("https: cannot read " + path("no.crt")));
    options_.https = {":1," + files("a")};
    options_.tls_ocsp = {path("a.crt")};
    gathered = gather_certificates(options_, {});
    ASSERT_FALSE(gathered);
    EXPECT_THAT(gathered.error().text, HasSubstr("tls-ocsp: " + path("a.crt")));
}

TEST_F(CertificateTest, AChildReadsThem) {
    const std::string a = write_pair("a");
    listen("https", ":1");
    options_.https = {":1," + files("a")};
    ASSERT_TRUE(wants_certificates(options_));
    const auto read = CertificateReader::read_now(options_);
    ASSERT_TRUE(read) << read.error().text;
    const auto bytes = os::read_constant_memory(read->memory.get(), 1 << 20);
    ASSERT_TRUE(bytes) << bytes.error().text;
    const auto material = tls::unpack_material(*bytes);
    ASSERT_TRUE(material);
    EXPECT_EQ(material->listeners.front().certificate.chain_pem, a);
    ASSERT_EQ(read->facts.size(), 1U);
    EXPECT_EQ(read->facts.front().source, path("a.crt"));
    EXPECT_GT(read->facts.front().expires, std::time(nullptr));
    EXPECT_EQ(read->paths.size(), 2U);
}

TEST_F(CertificateTest, TheChildsMistakeIsOneSentence) {
    write_pair("a");
    std::filesystem::remove(path("a.key"));
    write_pair("b");
    std::filesystem::rename(path("b.key"), path("a.key"));
    listen("https", ":1");
    options_.https = {":1," + files("a")};
    const auto read = CertificateReader::read_now(options_);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text,
              "https: " + path("a.crt") +
                  ": the key is not this certificate's; the first certificate in the file must be "
                  "the server's own");
}

TEST_F(CertificateTest, NamedPathsAreThoseOfTheOptions) {
    options_.https = {":1,a.crt,a.key,,!ca.pem"};
    options_.sni = {"b.example b.crt,b.key"};
    options_.sni_dir = {"d"};
    options_.tls_ocsp = {"a.ocsp"};
    EXPECT_THAT(named_paths(options_),
                ElementsAre("d", "a.ocsp", "a.crt", "a.key", "ca.pem", "b.crt", "b.key"));
}

TEST_F(CertificateTest, PlainAddressesWantNone) {
    listen("http", ":1");
    listen("http-to-https", ":2");
    EXPECT_FALSE(wants_certificates(options_));
}

}  // namespace
}  // namespace mew::master
