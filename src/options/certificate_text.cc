#include "options/certificate_text.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "options/parse_value.h"

namespace mew::options {
namespace {

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    for (;;) {
        const auto comma = text.find(',');
        parts.emplace_back(trim(text.substr(0, comma)));
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

void set_client_ca(CertificateText& certificate, std::string_view ca) {
    certificate.client_required = ca.starts_with('!');
    if (certificate.client_required) ca.remove_prefix(1);
    certificate.client_ca = trim(ca);
}

// CERTIFICATE,KEY[,CIPHERS[,CA]] from place `at` on.
bool set_files(CertificateText& certificate, const std::vector<std::string>& parts,
               std::size_t at) {
    if (parts.size() < at + 2 || parts.size() > at + 4) return false;
    certificate.certificate = parts[at];
    certificate.key = parts[at + 1];
    if (parts.size() > at + 2) certificate.ciphers = parts[at + 2];
    if (parts.size() > at + 3) set_client_ca(certificate, parts[at + 3]);
    return !certificate.certificate.empty() && !certificate.key.empty();
}

bool is_server_name(std::string_view name) {
    if (name.starts_with("*.")) name.remove_prefix(2);
    return !name.empty() && name.size() <= 253 && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                      c == '_';
           });
}

std::string lower(std::string_view text) {
    std::string copy(text);
    for (char& c : copy)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return copy;
}

}  // namespace

base::Result<CertificateText> parse_https(std::string_view text) {
    const std::vector<std::string> parts = split(text);
    CertificateText certificate;
    certificate.name = parts.front();
    if (certificate.name.empty() || !set_files(certificate, parts, 1))
        return base::fail(
            base::format("\"{}\" names no certificate; write ADDRESS,CERTIFICATE,KEY[,CIPHERS[,CA]]"
                         " as in :8443,site.crt,site.key",
                         printable(text)));
    return certificate;
}

base::Result<CertificateText> parse_https2(std::string_view text) {
    CertificateText certificate;
    for (const std::string& part : split(text)) {
        const auto equals = part.find('=');
        const std::string key = part.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
        if (key == "addr")
            certificate.name = value;
        else if (key == "cert" || key == "crt")
            certificate.certificate = value;
        else if (key == "key")
            certificate.key = value;
        else if (key == "ciphers")
            certificate.ciphers = value;
        else if (key == "clientca" || key == "client_ca")
            set_client_ca(certificate, value);
        else if (key != "spdy")  // of HTTP/2's forerunner: nobody speaks it any more
            return base::fail(base::format("\"{}\" is none of addr, cert, key, ciphers, clientca",
                                           printable(part)));
    }
    if (certificate.name.empty() || certificate.certificate.empty() || certificate.key.empty())
        return base::fail(
            "addr=, cert= and key= are needed, as in addr=:8443,cert=site.crt,"
            "key=site.key");
    return certificate;
}

base::Result<CertificateText> parse_sni(std::string_view text) {
    const auto blank = text.find(' ');
    CertificateText certificate;
    certificate.name = lower(trim(text.substr(0, blank)));
    const std::string_view files = blank == std::string_view::npos ? "" : text.substr(blank + 1);
    if (!set_files(certificate, split(files), 0))
        return base::fail(
            base::format("\"{}\" names no certificate; write NAME CERTIFICATE,KEY[,CIPHERS[,CA]] "
                         "as in example.org site.crt,site.key",
                         printable(text)));
    if (!is_server_name(certificate.name))
        return base::fail(
            base::format("\"{}\" is no server name; write example.org, or "
                         "*.example.org for all names one level below",
                         printable(certificate.name)));
    return certificate;
}

std::string https_text(const CertificateText& certificate) {
    std::string text = certificate.name + "," + certificate.certificate + "," + certificate.key;
    if (certificate.client_ca.empty() && certificate.ciphers.empty()) return text;
    text += "," + certificate.ciphers;
    if (certificate.client_ca.empty()) return text;
    return text + (certificate.client_required ? ",!" : ",") + certificate.client_ca;
}

}  // namespace mew::options
