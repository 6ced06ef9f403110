#include "master/status.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/format.h"

namespace mew::master {
namespace {

using nlohmann::json;

std::string duration(double seconds) {
    const auto whole = static_cast<std::uint64_t>(seconds);
    if (whole < 60) return base::format("{}s", whole);
    if (whole < 3600) return base::format("{}m{:02}s", whole / 60, whole % 60);
    if (whole < 86400) return base::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
    return base::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string size(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(kUnits)) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? base::format("{} B", bytes) : base::format("{:.1f} {}", value, kUnits[unit]);
}

json to_json(const WorkerStatus& worker) {
    json row = {{"id", worker.id},
                {"pid", worker.pid},
                {"generation", worker.generation},
                {"state", worker.state},
                {"doing", worker.doing},
                {"request_seconds", worker.request_seconds},
                {"uptime", worker.uptime},
                {"requests", worker.requests},
                {"exceptions", worker.exceptions},
                {"connections", worker.connections},
                {"average_us", worker.average_us},
                {"tx_bytes", worker.tx_bytes},
                {"deaths", worker.deaths}};
    for (const auto& [name, value] : worker.counters) row[name] = value;
    return row;
}

json to_json(const FrontStatus& front) {
    json row = {{"number", front.number},           {"pid", front.pid},
                {"incarnation", front.incarnation}, {"state", front.state},
                {"uptime", front.uptime},           {"deaths", front.deaths}};
    for (const auto& [name, value] : front.counters) row[name] = value;
    return row;
}

json to_json(const SingletonStatus& singleton) {
    return {{"name", singleton.name},
            {"pid", singleton.pid},
            {"generation", singleton.generation},
            {"state", singleton.state},
            {"uptime", singleton.uptime},
            {"starts", singleton.starts},
            {"deaths", singleton.deaths}};
}

json to_json(const CertificateStatus& certificate) {
    return {{"file", certificate.source},
            {"names", certificate.names},
            {"expires", certificate.expires},
            {"days_left", certificate.days_left}};
}

json to_json(const DeathsStatus& deaths) {
    return {{"workers", deaths.workers},
            {"zygotes", deaths.zygotes},
            {"singletons", deaths.singletons},
            {"fronts", deaths.fronts},
            {"by_cause", deaths.by_cause}};
}

// What is wrong, in words, below the table.
std::string troubles(const ServerStatus& status) {
    std::string text;
    for (const WorkerStatus& worker : status.workers) {
        if (worker.state == "GIL held" || worker.state == "silent" || worker.state == "stopped")
            text +=
                base::format("\nworker {} (pid {}) is {}\n", worker.id, worker.pid, worker.doing);
    }
    if (!status.certificates_trouble.empty())
        text +=
            base::format("\ncertificates of before are in use: {}\n", status.certificates_trouble);
    if (!status.deaths.by_cause.empty()) {
        text += "\ndeaths:";
        for (const auto& [cause, count] : status.deaths.by_cause)
            text += base::format(" {} x {},", count, cause);
        text.back() = '\n';
    }
    return text;
}

std::uint64_t counter_of(const FrontStatus& front, std::string_view name) {
    for (const auto& [known, value] : front.counters)
        if (known == name) return value;
    return 0;
}

// Of `waited`, how long those waited that had to, on average; of `503`, those that got no worker.
std::string front_rows(const std::vector<FrontStatus>& fronts) {
    if (fronts.empty()) return "";
    std::string text = base::format(
        "\n{:>6}  {:>8}  {:<9} {:>8}  {:>10}  {:>6}  {:>6}  {:>9}  {:>6}  {:>7}  {:>5}  {:>10}\n",
        "front", "pid", "state", "up", "requests", "conns", "queued", "waited", "503", "retried",
        "lost", "sent");
    for (const FrontStatus& front : fronts) {
        const auto of = [&](std::string_view name) { return counter_of(front, name); };
        const std::uint64_t waited = std::max<std::uint64_t>(of("queue_waited"), 1);
        text += base::format(
            "{:>6}  {:>8}  {:<9} {:>8}  {:>10}  {:>6}  {:>6}  {:>6.1f} ms  {:>6}  {:>7}  {:>5}  "
            "{:>10}\n",
            front.number, front.pid, front.state, duration(front.uptime), of("requests"),
            of("connections"), of("queued"),
            static_cast<double>(of("queue_wait_us")) / 1000 / static_cast<double>(waited),
            of("queue_full") + of("queue_timeouts"), of("retries"), of("lost"),
            size(of("tx_bytes")));
    }
    return text;
}

std::string singleton_rows(const std::vector<SingletonStatus>& singletons) {
    if (singletons.empty()) return "";
    std::size_t width = std::string_view("singleton").size();
    for (const SingletonStatus& row : singletons) width = std::max(width, row.name.size());
    std::string text =
        base::format("\n{:<{}}  {:>8}  {:>3}  {:<9} {:>8}  {:>6}  {:>6}\n", "singleton", width,
                     "pid", "gen", "state", "up", "starts", "deaths");
    for (const SingletonStatus& row : singletons) {
        text += base::format("{:<{}}  {:>8}  {:>3}  {:<9} {:>8}  {:>6}  {:>6}\n", row.name, width,
                             row.pid, row.generation, row.state, duration(row.uptime), row.starts,
                             row.deaths);
    }
    return text;
}

std::string certificate_rows(const std::vector<CertificateStatus>& certificates) {
    if (certificates.empty()) return "";
    std::string text = base::format("\n{:>9}  {}\n", "days left", "certificate");
    for (const CertificateStatus& row : certificates)
        text += base::format("{:>9}  {}{}\n", row.days_left, row.source,
                             row.names.empty() ? "" : " (" + row.names + ")");
    return text;
}

}  // namespace

std::string status_table(const ServerStatus& status) {
    std::string text =
        base::format("mewsgi {} (pid {}), {} for {}, Python {}\n", status.version, status.pid,
                     status.state, duration(status.uptime), status.python);
    for (const std::string& address : status.addresses)
        text += base::format("listening on {}\n", address);
    text +=
        base::format("generation {} (zygote {}), {} reloads, {} rolled back\n\n", status.generation,
                     status.zygote_pid != 0 ? std::to_string(status.zygote_pid) : "none",
                     status.reloads, status.reload_failures);
    text += base::format("{:>6}  {:>8}  {:>3}  {:<9} {:>8}  {:>10}  {:>6}  {:>5}  {:>9}  {:>10}\n",
                         "worker", "pid", "gen", "state", "up", "requests", "errors", "conns",
                         "average", "sent");
    for (const WorkerStatus& worker : status.workers) {
        text += base::format(
            "{:>6}  {:>8}  {:>3}  {:<9} {:>8}  {:>10}  {:>6}  {:>5}  {:>6.1f} ms  {:>10}\n",
            worker.id, worker.pid, worker.generation, worker.state, duration(worker.uptime),
            worker.requests, worker.exceptions, worker.connections,
            static_cast<double>(worker.average_us) / 1000, size(worker.tx_bytes));
    }
    return text + front_rows(status.fronts) + singleton_rows(status.singletons) +
           certificate_rows(status.certificates) + troubles(status);
}

std::string status_json(const ServerStatus& status) {
    json workers = json::array();
    for (const WorkerStatus& worker : status.workers) workers.push_back(to_json(worker));
    json fronts = json::array();
    for (const FrontStatus& front : status.fronts) fronts.push_back(to_json(front));
    json singletons = json::array();
    for (const SingletonStatus& singleton : status.singletons)
        singletons.push_back(to_json(singleton));
    json certificates = json::array();
    for (const CertificateStatus& certificate : status.certificates)
        certificates.push_back(to_json(certificate));
    const json whole = {{"version", status.version},
                        {"pid", status.pid},
                        {"uptime", status.uptime},
                        {"state", status.state},
                        {"python", status.python},
                        {"addresses", status.addresses},
                        {"generation", status.generation},
                        {"zygote_pid", status.zygote_pid},
                        {"reserve_pid", status.reserve_pid},
                        {"ready", status.ready},
                        {"reloads", status.reloads},
                        {"reload_failures", status.reload_failures},
                        {"log_dropped", status.log_dropped},
                        {"workers", workers},
                        {"fronts", fronts},
                        {"singletons", singletons},
                        {"certificates", certificates},
                        {"certificates_trouble", status.certificates_trouble},
                        {"deaths", to_json(status.deaths)},
                        {"oom_kills", status.deaths.oom_kills}};
    // Paths may hold any byte; JSON may not.
    return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace mew::master
