#include "master/config_reader.h"

#include "base/format.h"
#include "control/message.h"

namespace mew::master {
namespace {

constexpr base::Milliseconds kDeadline{10000};
constexpr std::string_view kHead = "mewsgi-options ";

std::string emitted_header(std::size_t size) {
    // The size too: a block that was cut between two options would still decode.
    return base::format("{}{:016x} {}\n", kHead, control::build_id(), size);
}

}  // namespace

std::string emit_options(const options::Loaded& loaded) {
    const std::string block = options::encode_block(loaded);
    return emitted_header(block.size()) + block;
}

base::Result<Checked> read_emitted(const std::string& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string::npos || !text.starts_with(kHead))
        return base::fail("`mewsgi check` gave no options");
    const std::string block = text.substr(end + 1);
    const std::string header = emitted_header(block.size());
    const std::size_t build = header.rfind(' ');
    if (text.compare(0, build, header, 0, build) != 0) return Checked{true, {}};
    if (text.compare(0, header.size(), header) != 0)
        return base::fail("`mewsgi check` was cut short; try again");
    auto loaded = options::decode_block(block);
    if (!loaded) return std::move(loaded).failure();
    return Checked{false, std::move(*loaded)};
}

base::Result<void> ConfigReader::start(Done done) {
    Errand::Plan plan;
    plan.spawn.argv = {program_.path, "check", program_.inherited.empty() ? kEmit : kEmitPassed};
    plan.spawn.argv.insert(plan.spawn.argv.end(), program_.arguments.begin(),
                           program_.arguments.end());
    plan.spawn.environment = program_.environment;
    plan.name = "`mewsgi check`";
    plan.deadline = kDeadline;
    plan.too_slow =
        "reading the configuration took longer than 10 s; is a file on a file system that hangs?";
    return errand_.start(std::move(plan), [done = std::move(done)](auto output) {
        if (!output) return done(std::move(output).failure());
        done(read_emitted(*output));
    });
}

}  // namespace mew::master
