#include "master/certificate_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "base/packing.h"
#include "master/certificate_gathering.h"
#include "os/memory_file.h"
#include "os/process.h"
#include "os/signals.h"

namespace mew::master {
namespace {

constexpr base::Milliseconds kDeadline{10000};
constexpr std::size_t kMost = std::size_t{64} << 20;
constexpr const char* kTooSlow =
    "reading the certificates took longer than 10 s; is a file on a file system that hangs?";

std::string pack(const GatheredCertificates& gathered) {
    base::Writer writer;
    writer.number(gathered.facts.size());
    for (const CertificateFact& fact : gathered.facts)
        writer.text(fact.source).text(fact.names).number(fact.expires);
    writer.number(gathered.paths.size());
    for (const std::string& path : gathered.paths) writer.text(path);
    return writer.bytes();
}

base::Result<ReadCertificates> unpack(const std::string& bytes, os::Fd memory) {
    base::Reader reader(bytes);
    ReadCertificates read;
    for (std::uint64_t left = reader.wide(); left > 0 && reader.ok(); --left) {
        CertificateFact& fact = read.facts.emplace_back();
        reader.text(fact.source).text(fact.names).number(fact.expires);
    }
    for (std::uint64_t left = reader.wide(); left > 0 && reader.ok(); --left)
        reader.text(read.paths.emplace_back());
    if (!reader.at_end()) return base::fail("what was read of the certificates was cut short");
    read.memory = std::move(memory);
    return read;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

tls::Material material_in(int memory) {
    if (memory < 0) return {};
    const auto bytes = os::read_constant_memory(memory, kMost);
    if (!bytes) return {};
    auto material = tls::unpack_material(*bytes);
    return material ? *std::move(material) : tls::Material{};
}

// The child's whole life.
int gather_into(const options::Options& options, int memory, int before) {
    ::prctl(PR_SET_DUMPABLE, 0);  // it holds keys
    auto gathered = gather_certificates(options, material_in(before));
    base::Result<void> filled;
    if (gathered) filled = os::fill_constant_memory(memory, tls::pack(gathered->material));
    if (!gathered || !filled) {
        write_all(2, (gathered ? filled.error() : gathered.error()).text + "\n");
        return 1;
    }
    write_all(1, pack(*gathered));
    return 0;
}

os::SpawnPlan plan_for(const options::Options& options, int memory, int before) {
    os::SpawnPlan plan;
    plan.argv = {"the certificate reader"};
    // Copied: an errand outlives what it was asked with.
    plan.body = [options, memory, before] { return gather_into(options, memory, before); };
    plan.descriptors.push_back({memory, memory});
    if (before >= 0) plan.descriptors.push_back({before, before});
    return plan;
}

// False: it took too long.
bool read_to_end(int fd, std::string& text) {
    char buffer[4096];
    for (;;) {
        pollfd ready{fd, POLLIN, 0};
        const int events = ::poll(&ready, 1, static_cast<int>(kDeadline.count()));
        if (events < 0 && errno == EINTR) continue;
        if (events <= 0) return false;
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        text.append(buffer, static_cast<std::size_t>(n));
    }
}

struct Pipe {
    os::Fd near;
    os::Fd far;
};

base::Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe");
    return Pipe{os::Fd(ends[0]), os::Fd(ends[1])};
}

}  // namespace

base::Result<ReadCertificates> CertificateReader::read_now(const options::Options& options) {
    auto memory = os::make_empty_memory("mewsgi-tls");
    auto output = make_pipe();
    auto complaints = make_pipe();
    if (!memory) return std::move(memory).failure();
    if (!output || !complaints) return base::fail("cannot make a pipe");
    os::SpawnPlan plan = plan_for(options, memory->get(), -1);
    plan.descriptors.push_back({output->far.get(), 1});
    plan.descriptors.push_back({complaints->far.get(), 2});
    auto child = os::spawn(plan);
    if (!child) return std::move(child).failure();
    output->far.reset();
    complaints->far.reset();
    std::string facts;
    std::string text;
    const bool ended =
        read_to_end(output->near.get(), facts) && read_to_end(complaints->near.get(), text);
    if (!ended) ::kill(*child, SIGKILL);
    int status = 0;
    while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) return base::fail(kTooSlow);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (status != 0)
        return base::fail(text.empty() ? "the certificate reader " + os::describe_end(status)
                                       : text);
    return unpack(facts, *std::move(memory));
}

base::Result<void> CertificateReader::start(const options::Options& options, int before,
                                            Done done) {
    auto memory = os::make_empty_memory("mewsgi-tls");
    if (!memory) return std::move(memory).failure();
    Errand::Plan plan;
    plan.spawn = plan_for(options, memory->get(), before);
    plan.name = "the certificate reader";
    plan.deadline = kDeadline;
    plan.too_slow = kTooSlow;
    // std::function wants what can be copied.
    auto held = std::make_shared<os::Fd>(*std::move(memory));
    return errand_.start(std::move(plan), [held, done = std::move(done)](auto output) {
        if (!output) return done(std::move(output).failure());
        done(unpack(*output, std::move(*held)));
    });
}

}  // namespace mew::master
