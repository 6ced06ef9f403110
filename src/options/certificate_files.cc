#include "options/certificate_files.h"

#include <algorithm>
#include <filesystem>

#include "base/format.h"
#include "options/certificate_text.h"
#include "options/parse_value.h"

namespace mew::options {
namespace {

// Only what is certainly absent: perhaps the one who starts the server may look into more.
bool is_absent(const std::string& path) {
    std::error_code error;
    return std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found;
}

void check_file(std::string_view option, const std::string& file, const Tell& mistake) {
    if (is_absent(file))
        mistake(option, base::format("{}: there is no file {}", option, printable(file)));
}

void check_files(std::string_view option, const CertificateText& text, const Tell& mistake) {
    check_file(option, text.certificate, mistake);
    if (text.key != text.certificate) check_file(option, text.key, mistake);
    if (!text.client_ca.empty()) check_file(option, text.client_ca, mistake);
}

}  // namespace

void check_certificate_files(const Options& options, const Tell& mistake, const Tell& warning) {
    for (const std::string& text : options.https)
        if (const auto one = parse_https(text)) check_files("https", *one, mistake);
    for (const std::string& text : options.sni)
        if (const auto one = parse_sni(text)) check_files("sni", *one, mistake);
    for (const std::string& file : options.tls_ocsp) check_file("tls-ocsp", file, mistake);
    for (const std::string& folder : options.sni_dir)
        if (is_absent(folder))
            mistake("sni-dir", base::format("sni-dir: there is no folder {}", printable(folder)));
    const bool tls =
        std::any_of(options.listen_addresses.begin(), options.listen_addresses.end(),
                    [](const ListenAddress& listen) {
                        return listen.option == "https" || listen.option == "https-dev";
                    });
    if (tls || (options.sni.empty() && options.sni_dir.empty())) return;
    warning(options.sni.empty() ? "sni-dir" : "sni",
            "certificates are named and no address speaks HTTPS; add https = "
            "ADDRESS,CERTIFICATE,KEY");
}

}  // namespace mew::options
