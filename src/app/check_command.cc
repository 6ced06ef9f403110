#include "app/check_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "app/speak.h"
#include "master/config_reader.h"
#include "master/program.h"
#include "options/load.h"

namespace mew::app {
namespace {

int emit(const options::Loaded& loaded) {
    const std::string block = master::emit_options(loaded);
    std::size_t sent = 0;
    while (sent < block.size()) {
        const ssize_t n = ::write(1, block.data() + sent, block.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return master::kExitError;
        sent += static_cast<std::size_t>(n);
    }
    return master::kExitDone;
}

void print_explanation(const options::Loaded& loaded) {
    for (const options::Explanation& row : options::explain(loaded)) {
        const std::string value = row.value.empty() ? "" : " = " + row.value;
        std::printf("%s%s\n    %s (%s)\n", row.name.c_str(), value.c_str(), row.meaning.c_str(),
                    row.origin.c_str());
    }
    std::printf("%zu option%s, %zu warning%s, no mistakes\n", loaded.given.size(),
                loaded.given.size() == 1 ? "" : "s", loaded.warnings.size(),
                loaded.warnings.size() == 1 ? "" : "s");
}

}  // namespace

int run_check(std::vector<std::string> arguments, const std::vector<std::string>& environment) {
    const std::string first = arguments.empty() ? "" : arguments.front();
    const bool for_master = first == master::kEmit || first == master::kEmitPassed;
    if (for_master) arguments.erase(arguments.begin());

    // Of the master's sockets only that there are some counts here.
    std::vector<net::Inherited> passed;
    if (first == master::kEmitPassed) passed.push_back({});
    if (!for_master) {
        auto found = net::find_inherited(environment, ::getpid());
        if (found) passed = std::move(*found);
    }
    options::Request request;
    const options::Loaded loaded = options::load(arguments, environment, request, passed);
    if (request.kind == options::Request::Kind::help) {
        std::printf(
            "usage: mewsgi check [OPTION]... [APP]\n"
            "Says what is wrong with these options and files, or what they mean.\n");
        return master::kExitDone;
    }
    if (!loaded.mistakes.empty()) {
        if (!for_master) tell(loaded.warnings, "warning: ");
        tell(loaded.mistakes, "");
        return master::kExitError;
    }
    if (for_master) return emit(loaded);
    tell(loaded.warnings, "warning: ");
    print_explanation(loaded);
    return master::kExitDone;
}

}  // namespace mew::app
