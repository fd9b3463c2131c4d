#include <iostream>

#include "sim/app/commands.hpp"
#include "sim/cloud/far_recorder.hpp"

namespace fog::sim {

Exit far_mqtt_command(const FarCommand& command) {
    StopSignals signals;
    const auto file =
        command.out.empty() ? std::filesystem::path("far-" + command.sink + ".jsonl") : command.out;
    auto recorder = FarRecorder::open(file, command.sink);
    if (!recorder) return fail(recorder.error());
    FarMqtt far({command.url, command.topics, command.client_id, command.user, command.password},
                *recorder);
    signals.on_stop([&far] { far.stop(); });
    std::cout << "fogsim: recording " << command.url << " to " << file.string() << std::endl;
    auto done = far.run();
    if (command.json) {
        std::cout << "{\"records\":" << recorder->records() << ",\"others\":" << recorder->others()
                  << "}" << std::endl;
    } else {
        std::cout << "fogsim: " << recorder->records() << " records, " << recorder->others()
                  << " other messages" << std::endl;
    }
    if (!done) return fail(done.error());
    if (recorder->failed_writes() > 0) {
        return fail({Errc::storage_error, file.string() + ": not all could be written", {}});
    }
    return Exit::ok;
}

}  // namespace fog::sim
