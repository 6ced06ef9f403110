#include "master/certificates.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "base/check.h"
#include "base/format.h"
#include "log/log.h"
#include "master/certificate_gathering.h"
#include "master/holdings.h"

namespace mew::master {
namespace {

constexpr base::Milliseconds kRotation{12 * 3600 * 1000};
constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kWarnBefore = 14 * kDay;

control::Message with_memory(int memory) {
    control::Message message;
    message.kind = control::Kind::certificates;
    message.descriptors.emplace_back(::fcntl(memory, F_DUPFD_CLOEXEC, 3));
    return message;
}

control::Message with_keys(const std::string& packed) {
    control::Message message;
    message.kind = control::Kind::ticket_keys;
    message.text = packed;
    return message;
}

}  // namespace

Certificates::Certificates(Holdings& holdings)
    : holdings_(holdings),
      reader_(holdings.loop, holdings.children),
      watcher_(holdings.loop, holdings.children, holdings.log_target, holdings.program.watcher) {
    watcher_.on_change([this](control::Trigger, const std::string& what) { refresh(what); });
}

Certificates::~Certificates() = default;

base::Result<void> Certificates::start(const options::Options& options) {
    if (!wants_certificates(options)) return {};
    options_ = options;
    read_at_ = WatcherHandle::file_clock();
    auto read = CertificateReader::read_now(options);
    if (!read) return std::move(read).failure();
    for (std::size_t i = 0; i < keys_.keys.size(); ++i) make_key(i);
    schedule_rotation(kRotation);
    take(*std::move(read));
    const bool dev = std::any_of(facts_.begin(), facts_.end(),
                                 [](const auto& fact) { return fact.source == "https-dev"; });
    if (dev)
        log::warning("https-dev",
                     "https-dev: the certificate for localhost was made just now and no browser "
                     "trusts it; for others use https = ADDRESS,CERTIFICATE,KEY");
    return {};
}

void Certificates::apply(const options::Options& options, const std::string& why) {
    if (!memory_ || !wants_certificates(options)) return;
    options_ = options;
    read(why);
}

void Certificates::refresh(const std::string& why) {
    if (memory_) read(why);
}

void Certificates::close() {
    reader_.cancel();
    watcher_.close();
    if (rotation_ != 0) holdings_.loop.cancel_timer(rotation_);
    rotation_ = 0;
    again_.clear();
}

// --- the files

void Certificates::read(const std::string& why) {
    if (reader_.running()) {
        again_ = why;
        return;
    }
    why_ = why;
    read_at_ = WatcherHandle::file_clock();
    auto started = reader_.start(options_, memory_.get(),
                                 [this](auto outcome) { on_read(std::move(outcome)); });
    if (!started) on_read(std::move(started).failure());
}

void Certificates::on_read(base::Result<ReadCertificates> read_now) {
    if (!read_now) {
        trouble_ = read_now.error().text;
        log::error("certificates-kept", "{}; the certificates of before stay in use ({})", trouble_,
                   why_);
        watch();  // what is named now may be put right
    } else {
        take(*std::move(read_now));
        holdings_.fronts.tell_all([this] { return with_memory(memory_.get()); });
        log::info("certificates-read", "certificates were read anew: {} in use ({})", facts_.size(),
                  why_);
    }
    if (!again_.empty()) read(std::exchange(again_, ""));
}

void Certificates::take(ReadCertificates read_now) {
    trouble_.clear();
    memory_ = std::move(read_now.memory);
    facts_ = std::move(read_now.facts);
    paths_ = std::move(read_now.paths);
    watch();
    warn_of_expiry();
}

// What is in use, and what the options name: only the reader knows what is in a folder, and it does
// not tell where it found a mistake.
void Certificates::watch() {
    std::set<std::string> all(paths_.begin(), paths_.end());
    for (std::string& path : named_paths(options_)) all.insert(std::move(path));
    std::vector<control::WatchedPath> list;
    list.reserve(all.size());
    for (const std::string& path : all)
        list.push_back({control::Trigger::certificates, path, std::nullopt});
    watcher_.watch(std::move(list), read_at_);
}

void Certificates::warn_of_expiry() const {
    const std::int64_t now = std::time(nullptr);
    for (const CertificateFact& fact : facts_) {
        if (fact.expires - now > kWarnBefore) continue;
        if (fact.expires <= now)
            log::warning("certificate-expired",
                         "{}: this certificate has expired, clients refuse it", fact.source);
        else
            log::warning("certificate-expires", "{}: this certificate expires in {} days",
                         fact.source, (fact.expires - now) / kDay);
    }
}

// --- ticket keys

std::string Certificates::packed_keys() const { return memory_ ? tls::pack(keys_) : ""; }

void Certificates::make_key(std::size_t place) {
    auto& key = keys_.keys[place];
    // As many bytes are never given in part.
    MEW_CHECK(::getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size()));
}

void Certificates::rotate() {
    std::rotate(keys_.keys.begin(), keys_.keys.end() - 1, keys_.keys.end());
    make_key(0);
    holdings_.fronts.tell_all([this] { return with_keys(packed_keys()); });
    log::debug("ticket-keys", "new keys for the tickets of TLS sessions");
    warn_of_expiry();
    schedule_rotation(kRotation);
}

void Certificates::schedule_rotation(base::MonotonicTime::duration left) {
    rotation_due_ = holdings_.loop.now() + left;
    const auto delay = std::chrono::ceil<base::Milliseconds>(left);
    rotation_ = holdings_.loop.start_timer(std::max(delay, base::Milliseconds{1}), [this] {
        rotation_ = 0;
        rotate();
    });
}

// --- upgrade

state::Certificates Certificates::to_state() const {
    state::Certificates to;
    to.memory.fd = memory_.get();
    to.keys = packed_keys();
    to.rotation_due = rotation_due_;
    to.watcher = watcher_.to_state();
    for (const CertificateFact& fact : facts_)
        to.facts.push_back({fact.source, fact.names, fact.expires});
    to.paths = paths_;
    to.trouble = trouble_;
    return to;
}

void Certificates::take_over(const state::Certificates& from, const options::Options& options) {
    watcher_.take_over(from.watcher);
    memory_.reset(from.memory.fd);
    if (!memory_) return;
    options_ = options;
    for (const state::CertificateFact& fact : from.facts)
        facts_.push_back({fact.source, fact.names, fact.expires});
    paths_ = from.paths;
    trouble_ = from.trouble;
    if (const auto keys = tls::unpack_ticket_keys(from.keys)) {
        keys_ = *keys;
        schedule_rotation(from.rotation_due - holdings_.loop.now());
    } else {
        rotate();
    }
    read_at_ = WatcherHandle::file_clock();
    watch();
}

}  // namespace mew::master
