#include "tls/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <functional>

#include <openssl/ocsp.h>

#include "base/format.h"
#include "os/fd.h"
#include "tls/context.h"
#include "tls/pem.h"

namespace mew::tls {
namespace {

constexpr std::size_t kMost = std::size_t{4} << 20;  // bytes of a file: bundles of CAs are large

base::Result<std::string> read_file(const std::string& path) {
    const os::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return base::fail_errno("cannot read " + path);
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::fail_errno("cannot read " + path);
        if (n == 0) return content;
        content.append(buffer, static_cast<std::size_t>(n));
        if (content.size() > kMost) return base::fail(path + " is too large to be a certificate");
    }
}

using OcspHandle = std::unique_ptr<OCSP_RESPONSE, FreeWith<OCSP_RESPONSE_free>>;
using BasicHandle = std::unique_ptr<OCSP_BASICRESP, FreeWith<OCSP_BASICRESP_free>>;

// Whether an answer is about the certificate that a chain begins with.
bool is_about(OCSP_BASICRESP* answer, const Certificate& certificate) {
    const auto chain = read_certificates(certificate.chain_pem, certificate.source);
    if (!chain) return false;
    const ASN1_INTEGER* const own = X509_get0_serialNumber(chain->front().get());
    for (int i = 0; i < OCSP_resp_count(answer); ++i) {
        auto* const id =
            const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(OCSP_resp_get0(answer, i)));
        ASN1_INTEGER* serial = nullptr;
        OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, id);
        if (serial != nullptr && ASN1_INTEGER_cmp(serial, own) == 0) return true;
    }
    return false;
}

}  // namespace

base::Result<Certificate> read_certificate(const CertificateFiles& files) {
    initialise();
    Certificate certificate;
    certificate.names = files.names;
    certificate.ciphers = files.ciphers;
    certificate.client_required = files.client_required;
    certificate.source = files.certificate;
    const auto fill = [](std::string& to, const std::string& path) -> base::Result<void> {
        if (path.empty()) return {};
        auto content = read_file(path);
        if (!content) return std::move(content).failure();
        to = *std::move(content);
        return {};
    };
    if (auto read = fill(certificate.chain_pem, files.certificate); !read)
        return std::move(read).failure();
    if (auto read = fill(certificate.key_pem, files.key); !read) return std::move(read).failure();
    if (auto read = fill(certificate.ca_pem, files.client_ca); !read)
        return std::move(read).failure();
    if (auto usable = make_context(certificate, {}); !usable) return std::move(usable).failure();
    const auto chain = read_certificates(certificate.chain_pem, certificate.source);
    if (chain) certificate.expires = expiry_of(*chain);
    return certificate;
}

base::Result<void> staple(Material& material, const std::string& file) {
    initialise();
    auto bytes = read_file(file);
    if (!bytes) return std::move(bytes).failure();
    const auto* at = reinterpret_cast<const unsigned char*>(bytes->data());
    const OcspHandle whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(bytes->size())));
    const BasicHandle answer(whole ? OCSP_response_get1_basic(whole.get()) : nullptr);
    if (!answer)
        return base::fail(
            base::format("{}: this is no OCSP answer in DER form ({})", file, take_error()));
    bool used = false;
    const auto offer = [&](Certificate& certificate) {
        if (!is_about(answer.get(), certificate)) return;
        certificate.ocsp_der = *bytes;
        used = true;
    };
    for (ListenerCertificate& one : material.listeners) offer(one.certificate);
    for (Certificate& one : material.sni) offer(one);
    if (used) return {};
    return base::fail(file + ": this OCSP answer is about none of the certificates");
}

}  // namespace mew::tls
