#include "front/certificates.h"

#include <unistd.h>

#include "log/log.h"
#include "os/memory_file.h"

namespace mew::front {
namespace {

constexpr std::size_t kLimit = std::size_t{64} << 20;

tls::Settings settings_from(const options::Options& options) {
    tls::Settings settings;
    settings.oldest = options.tls_min_version == "1.3" ? tls::Version::tls13 : tls::Version::tls12;
    settings.http2 = options.http2;
    settings.early_data = options.tls_early_data;
    settings.ticket_lifetime =
        std::chrono::duration_cast<std::chrono::seconds>(options.ssl_session_timeout);
    settings.verify_depth = static_cast<int>(options.ssl_verify_depth);
    return settings;
}

base::Result<void> apply(tls::Store& store, int memory, const options::Options& options) {
    const auto bytes = os::read_constant_memory(memory, kLimit);
    if (!bytes) return base::Unexpected<base::Error>{bytes.error()};
    const auto material = tls::unpack_material(*bytes);
    if (!material) return base::Unexpected<base::Error>{material.error()};
    return store.apply(*material, settings_from(options));
}

base::Result<void> use_keys(tls::Store& store, const std::string& packed) {
    const auto keys = tls::unpack_ticket_keys(packed);
    if (!keys) return base::Unexpected<base::Error>{keys.error()};
    store.set_ticket_keys(*keys);
    return {};
}

}  // namespace

base::Result<void> take_boot_certificates(tls::Store& store, const control::FrontBoot& boot) {
    if (boot.tls_fd < 0) return {};
    auto applied = apply(store, boot.tls_fd, boot.options);
    ::close(boot.tls_fd);
    if (!applied) return applied;
    return use_keys(store, boot.ticket_keys);
}

void take_certificates(tls::Store& store, const control::FrontBoot& boot,
                       const control::Message& message) {
    if (message.descriptors.empty()) return;
    const auto applied = apply(store, message.descriptors.front().get(), boot.options);
    if (!applied)
        log::error("certificates-refused", "{}; those of before stay", applied.error().text);
}

void take_ticket_keys(tls::Store& store, const control::Message& message) {
    if (const auto used = use_keys(store, message.text); !used)
        log::error("ticket-keys-refused", "{}", used.error().text);
}

}  // namespace mew::front
