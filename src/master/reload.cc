#include "master/reload.h"

#include "master/restart_options.h"
#include "master/transition.h"

namespace mew::master {
namespace {

using Phase = ReloadPhase;

constexpr const char* kStopping = "the server is stopping; nothing was reloaded\n";

constexpr Step<Phase> kSteps[] = {
    {Phase::idle, Phase::waiting},     {Phase::idle, Phase::checking},
    {Phase::waiting, Phase::checking}, {Phase::checking, Phase::preparing},
    {Phase::checking, Phase::idle},    {Phase::preparing, Phase::idle},
    {Phase::idle, Phase::closed},      {Phase::waiting, Phase::closed},
    {Phase::checking, Phase::closed},  {Phase::preparing, Phase::closed},
};

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

std::string_view name_of(ReloadPhase phase) {
    constexpr std::string_view kNames[] = {"idle", "waiting", "checking", "preparing", "closed"};
    return kNames[static_cast<std::size_t>(phase)];
}

Reload::Reload(Holdings& holdings, Prepare prepare, Obstacle obstacle)
    : holdings_(holdings),
      prepare_(std::move(prepare)),
      obstacle_(std::move(obstacle)),
      reader_(holdings.loop, holdings.children, holdings.program) {}

bool Reload::step(ReloadPhase next) { return take_step(phase_, next, kSteps, "reload"); }

void Reload::request(const std::string& asked_by, Answer answer, Wish wish) {
    if (phase_ == Phase::closed) {
        if (answer) answer(kExitError, kStopping);
        return;
    }
    if (phase_ == Phase::waiting) {
        // It has not read anything yet: this is the same reload.
        log::info("reload-queued", "reload asked by {}: joins the one that waits", asked_by);
        if (answer) waiting_.push_back(std::move(answer));
        return;
    }
    if (phase_ != Phase::idle) {
        log::info("reload-queued", "reload asked by {}: follows the one that is under way",
                  asked_by);
        again_ = true;
        next_wish_ = wish;
        if (answer) waiting_for_next_.push_back(std::move(answer));
        return;
    }
    log::info("reload-begins", "reload asked by {}: reading the configuration", asked_by);
    if (answer) waiting_.push_back(std::move(answer));
    wish_ = wish;
    begin();
}

void Reload::begin() {
    if (const std::string obstacle = obstacle_(); !obstacle.empty()) {
        if (phase_ != Phase::idle) return;
        log::info("reload-waits", "the reload waits: {}", obstacle);
        step(Phase::waiting);
        return;
    }
    step(Phase::checking);
    auto started = reader_.start(
        [this](base::Result<options::Loaded> loaded) { on_checked(std::move(loaded)); });
    if (!started) on_rolled_back(started.error().text);
}

void Reload::on_checked(base::Result<options::Loaded> loaded) {
    if (!loaded) return on_rolled_back(loaded.error().text);
    for (const options::Mistake& warning : loaded->warnings)
        log::warning("option", "{}: {}", warning.origin, warning.text);
    const auto kept = keep_restart_options(holdings_.started_with.options, loaded->options);
    if (!kept.empty())
        log::warning("needs-restart",
                     "changed, but only a restart takes it up; the old value stays: {}",
                     joined(kept));
    step(Phase::preparing);
    if (auto prepared = prepare_(std::move(*loaded), wish_); !prepared)
        on_rolled_back(prepared.error().text);
}

void Reload::on_committed(const std::string& text) {
    if (phase_ != Phase::preparing) return;
    finish(kExitDone, text);
}

void Reload::on_failed(const std::string& told, const std::string& why) {
    if (phase_ != Phase::checking && phase_ != Phase::preparing) return;
    log::error("reload-failed", "{}:\n{}", told, why);
    finish(kExitError, told + ":\n" + why + "\n");
}

void Reload::on_rolled_back(const std::string& why) {
    on_failed("reload rolled back, the running code stays", why);
}

void Reload::go_on() {
    if (phase_ == Phase::waiting) begin();
}

void Reload::finish(int status, const std::string& text) {
    step(Phase::idle);
    for (const Answer& answer : std::exchange(waiting_, {})) answer(status, text);
    if (!std::exchange(again_, false)) return;
    waiting_ = std::exchange(waiting_for_next_, {});
    wish_ = std::exchange(next_wish_, std::nullopt);
    // From the loop, not from inside the event that ended this one.
    holdings_.loop.start_timer(base::Milliseconds{0}, [this] {
        if (phase_ == Phase::idle) begin();
    });
}

void Reload::abandon() {
    reader_.cancel();
    again_ = false;
    if (phase_ != Phase::closed) step(Phase::closed);
    for (auto* list : {&waiting_, &waiting_for_next_}) {
        for (const Answer& answer : std::exchange(*list, {})) answer(kExitError, kStopping);
    }
}

}  // namespace mew::master
