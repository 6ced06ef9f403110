#include "master/certificate_gathering.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/format.h"
#include "options/certificate_text.h"
#include "tls/files.h"

namespace mew::master {
namespace {

constexpr std::int64_t kDevLeft = 86400;  // seconds: one of https-dev that ends sooner is replaced

class Gathering {
public:
    Gathering(const options::Options& options, const tls::Material& before)
        : options_(options), before_(before), used_(options.https.size(), false) {}

    base::Result<GatheredCertificates> run() {
        const auto& addresses = options_.listen_addresses;
        for (std::uint32_t i = 0; i < addresses.size(); ++i) {
            if (auto added = add_listener(i, addresses[i]); !added)
                return std::move(added).failure();
        }
        for (const std::string& text : options_.sni) {
            if (auto added = add_name(text); !added) return std::move(added).failure();
        }
        for (const std::string& folder : options_.sni_dir) {
            if (auto added = add_folder(folder); !added) return std::move(added).failure();
        }
        for (const std::string& file : options_.tls_ocsp) {
            gathered_.paths.push_back(file);
            if (auto stapled = tls::staple(gathered_.material, file); !stapled)
                return base::fail("tls-ocsp: " + stapled.error().text);
        }
        return std::move(gathered_);
    }

private:
    base::Result<void> add_listener(std::uint32_t place, const options::ListenAddress& listen) {
        if (listen.option == "https-dev") return add_dev(place);
        if (listen.option != "https") return {};
        auto text = text_for(listen.address);
        if (!text) return std::move(text).failure();
        auto certificate = read("https", *text, {});
        if (!certificate) return std::move(certificate).failure();
        gathered_.material.listeners.push_back({place, *std::move(certificate)});
        return {};
    }

    // Two addresses may look the same (port 0): then in order.
    base::Result<options::CertificateText> text_for(const std::string& address) {
        for (std::size_t i = 0; i < options_.https.size(); ++i) {
            auto text = options::parse_https(options_.https[i]);
            if (used_[i] || !text || text->name != address) continue;
            used_[i] = true;
            return text;
        }
        return base::fail("https: no certificate is named for " + address);
    }

    // One that a browser was told to trust once must not change with every reload.
    base::Result<void> add_dev(std::uint32_t place) {
        for (const tls::ListenerCertificate& one : before_.listeners) {
            if (one.certificate.source != tls::kSelfSigned) continue;
            if (one.certificate.expires < std::time(nullptr) + kDevLeft) continue;
            dev_ = one.certificate;
        }
        if (dev_.source.empty()) {
            auto made = tls::make_self_signed();
            if (!made) return std::move(made).failure();
            dev_ = *std::move(made);
        }
        tell(dev_);
        gathered_.material.listeners.push_back({place, dev_});
        return {};
    }

    base::Result<void> add_name(const std::string& line) {
        const auto text = options::parse_sni(line);
        if (!text) return base::fail("sni: " + text.error().text);
        return add_sni("sni", *text);
    }

    base::Result<void> add_sni(std::string_view option, const options::CertificateText& text) {
        auto certificate = read(option, text, {text.name});
        if (!certificate) return std::move(certificate).failure();
        gathered_.material.sni.push_back(*std::move(certificate));
        return {};
    }

    // NAME.crt and NAME.key, perhaps NAME.ca.
    base::Result<void> add_folder(const std::string& folder) {
        gathered_.paths.push_back(folder);
        std::error_code error;
        std::vector<std::filesystem::path> found;
        for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
             it.increment(error)) {
            if (it->path().extension() == ".crt") found.push_back(it->path());
        }
        if (error)
            return base::fail(base::format("sni-dir: cannot read {}: {}", folder, error.message()));
        std::sort(found.begin(), found.end());
        for (const std::filesystem::path& path : found) {
            if (auto added = add_of_folder(path); !added) return added;
        }
        return {};
    }

    base::Result<void> add_of_folder(std::filesystem::path path) {
        options::CertificateText text;
        text.name = path.stem().string();
        text.certificate = path.string();
        text.key = path.replace_extension(".key").string();
        text.ciphers = options_.sni_dir_ciphers;
        std::error_code error;
        if (std::filesystem::exists(path.replace_extension(".ca"), error)) {
            text.client_ca = path.string();
            text.client_required = true;
        }
        std::transform(text.name.begin(), text.name.end(), text.name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        return add_sni("sni-dir", text);
    }

    base::Result<tls::Certificate> read(std::string_view option,
                                        const options::CertificateText& text,
                                        std::vector<std::string> names) {
        for (const std::string& path : {text.certificate, text.key, text.client_ca})
            if (!path.empty()) gathered_.paths.push_back(path);
        auto certificate =
            tls::read_certificate({std::move(names), text.certificate, text.key, text.ciphers,
                                   text.client_ca, text.client_required});
        if (!certificate)
            return base::fail(base::format("{}: {}", option, certificate.error().text));
        tell(*certificate);
        return certificate;
    }

    void tell(const tls::Certificate& certificate) {
        CertificateFact fact{certificate.source, base::join(certificate.names, ", "),
                             certificate.expires};
        auto& facts = gathered_.facts;
        if (std::find(facts.begin(), facts.end(), fact) == facts.end())
            facts.push_back(std::move(fact));
    }

    const options::Options& options_;
    const tls::Material& before_;
    std::vector<bool> used_;
    tls::Certificate dev_;
    GatheredCertificates gathered_;
};

}  // namespace

std::vector<std::string> named_paths(const options::Options& options) {
    std::vector<std::string> paths = options.sni_dir;
    paths.insert(paths.end(), options.tls_ocsp.begin(), options.tls_ocsp.end());
    const auto add = [&](const base::Result<options::CertificateText>& text) {
        if (!text) return;
        for (const std::string& path : {text->certificate, text->key, text->client_ca})
            if (!path.empty()) paths.push_back(path);
    };
    for (const std::string& text : options.https) add(options::parse_https(text));
    for (const std::string& text : options.sni) add(options::parse_sni(text));
    return paths;
}

bool wants_certificates(const options::Options& options) {
    return std::any_of(options.listen_addresses.begin(), options.listen_addresses.end(),
                       [](const options::ListenAddress& listen) {
                           return listen.option == "https" || listen.option == "https-dev";
                       });
}

base::Result<GatheredCertificates> gather_certificates(const options::Options& options,
                                                       const tls::Material& before) {
    return Gathering(options, before).run();
}

}  // namespace mew::master
