#include "tls/files.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "tls/test_client.h"

namespace mew::tls {
namespace {

using testing::HasSubstr;

class Files : public testing::Test {
protected:
    Files() {
        std::string name = (std::filesystem::temp_directory_path() / "mew-tls-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~Files() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& content) const {
        const std::string path = folder_ / name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    CertificateFiles files_of(const TestPair& pair) const {
        CertificateFiles files;
        files.certificate = write("a.crt", pair.chain_pem());
        files.key = write("a.key", pair.key_pem());
        return files;
    }
    std::string text(const CertificateFiles& files) const {
        const auto read = read_certificate(files);
        return read ? "" : read.error().text;
    }

    std::filesystem::path folder_;
};

TEST_F(Files, ACertificateIsReadWithItsKey) {
    const TestPair pair = make_pair();
    CertificateFiles files = files_of(pair);
    files.names = {"a.example"};
    const auto read = read_certificate(files);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->chain_pem, pair.chain_pem());
    EXPECT_EQ(read->names, files.names);
    EXPECT_EQ(read->source, files.certificate);
    EXPECT_NEAR(static_cast<double>(read->expires), static_cast<double>(std::time(nullptr)) + 86400,
                60);
}

TEST_F(Files, OneFileMayHoldBoth) {
    const TestPair pair = make_pair();
    CertificateFiles files;
    files.certificate = files.key = write("both.pem", pair.key_pem() + pair.chain_pem());
    EXPECT_EQ(text(files), "");
}

TEST_F(Files, MistakesNameTheFile) {
    CertificateFiles files = files_of(make_pair());
    files.key = folder_ / "no.key";
    EXPECT_THAT(text(files), HasSubstr("cannot read " + files.key));
    files = files_of(make_pair());
    files.key = write("other.key", make_pair().key_pem());
    EXPECT_THAT(text(files), HasSubstr(files.certificate + ": the key is not this certificate's"));
    files = files_of(make_pair());
    files.client_ca = write("ca.pem", "nothing");
    EXPECT_THAT(text(files), HasSubstr("the clients' authority of"));
    files = files_of(make_pair());
    files.certificate = write("huge", std::string(std::size_t{5} << 20, 'x'));
    EXPECT_THAT(text(files), HasSubstr("too large"));
}

std::string answer_about(const TestPair& pair) {
    OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
    OCSP_CERTID* const id =
        OCSP_cert_to_id(nullptr, pair.certificate.get(), pair.certificate.get());
    ASN1_TIME* const now = X509_gmtime_adj(nullptr, 0);
    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, now, nullptr);
    OCSP_basic_sign(basic, pair.certificate.get(), pair.key.get(), EVP_sha256(), nullptr, 0);
    OCSP_RESPONSE* const whole = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char* bytes = nullptr;
    const int size = i2d_OCSP_RESPONSE(whole, &bytes);
    std::string der(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    OCSP_RESPONSE_free(whole);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(now);
    return der;
}

TEST_F(Files, AnAnswerIsStapledToItsCertificate) {
    const TestPair pair = make_pair();
    Material material = material_of(make_certificate(make_pair()));
    material.sni.push_back(make_certificate(pair, {"a.example"}));
    const std::string der = answer_about(pair);
    const auto stapled = staple(material, write("a.ocsp", der));
    ASSERT_TRUE(stapled) << stapled.error().text;
    EXPECT_EQ(material.sni.front().ocsp_der, der);
    EXPECT_EQ(material.listeners.front().certificate.ocsp_der, "");
}

TEST_F(Files, AnAnswerAboutNobodyIsAMistake) {
    Material material = material_of(make_certificate(make_pair()));
    const auto stray = staple(material, write("a.ocsp", answer_about(make_pair())));
    ASSERT_FALSE(stray);
    EXPECT_THAT(stray.error().text, HasSubstr("about none of the certificates"));
    const auto damaged = staple(material, write("b.ocsp", "nothing"));
    ASSERT_FALSE(damaged);
    EXPECT_THAT(damaged.error().text, HasSubstr("no OCSP answer"));
}

TEST_F(Files, TheOneForLocalhostServes) {
    const auto made = make_self_signed();
    ASSERT_TRUE(made);
    Store store;
    ASSERT_TRUE(store.apply(material_of(*made), {}));
    TestConnection connection(store);
    ASSERT_EQ(connection.talk(), State::open);
    X509* const shown = SSL_get0_peer_certificate(connection.client.ssl());
    EXPECT_EQ(X509_check_host(shown, "localhost", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_ip_asc(shown, "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(shown, "::1", 0), 1);
    EXPECT_NE(made->chain_pem, make_self_signed()->chain_pem);
}

}  // namespace
}  // namespace mew::tls
