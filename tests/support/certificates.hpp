#pragma once

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/support/mosquitto.hpp"

namespace fog {

/// An authority with a server certificate for localhost and one for a client, made by openssl in
/// `folder`. PEM files.
class Certificates {
public:
    explicit Certificates(std::filesystem::path folder) : folder_(std::move(folder)) {
        std::ofstream(path("san.ext")) << "subjectAltName=DNS:localhost\n";
        run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=Test authority", "-keyout", path("ca.key"), "-out", path("ca.pem")});
        issue("server", "/CN=localhost", true);
        issue("client", "/CN=test client", false);
    }
    /// <name>.pem and <name>.key of a client of that common name; 0 days: it has expired.
    void add_client(const std::string& name, int days = 2) {
        issue(name, "/CN=" + name, false, days);
    }
    /// <name>.pem and <name>.key of a server, good for that long only.
    void add_short_server(const std::string& name, std::chrono::seconds life) {
        run({"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout",
             path(name + ".key"), "-out", path(name + ".csr")});
        std::ofstream(path("short.db")) << "";
        std::ofstream(path("short.cnf"))
            << "[ca]\ndefault_ca = c\n[c]\ndatabase = " << path("short.db")
            << "\nrand_serial = yes\nnew_certs_dir = " << folder_.string()
            << "\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n";
        const std::time_t until = std::time(nullptr) + life.count();
        std::tm at{};
        ::gmtime_r(&until, &at);
        std::array<char, 32> text{};
        std::strftime(text.data(), text.size(), "%Y%m%d%H%M%SZ", &at);
        run({"openssl", "ca", "-batch", "-notext", "-config", path("short.cnf"), "-cert",
             path("ca.pem"), "-keyfile", path("ca.key"), "-enddate", text.data(), "-in",
             path(name + ".csr"), "-out", path(name + ".pem")});
    }
    /// <name>.pem and <name>.key of localhost, with a key on an elliptic curve instead of RSA.
    void add_curve_server(const std::string& name) {
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", path(name + ".key"),
             "-out", path(name + ".pem")});
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }

private:
    static void run(std::vector<std::string> words) {
        if (run_program(std::move(words)) != 0) throw std::runtime_error("openssl failed");
    }
    void issue(const std::string& name, const std::string& subject, bool server, int days = 2) {
        run({"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout",
             path(name + ".key"), "-out", path(name + ".csr")});
        std::vector<std::string> sign = {"openssl",
                                         "x509",
                                         "-req",
                                         "-in",
                                         path(name + ".csr"),
                                         "-CA",
                                         path("ca.pem"),
                                         "-CAkey",
                                         path("ca.key"),
                                         "-CAcreateserial",
                                         "-days",
                                         std::to_string(days),
                                         "-out",
                                         path(name + ".pem")};
        if (server) sign.insert(sign.end(), {"-extfile", path("san.ext")});
        run(std::move(sign));
    }
    std::filesystem::path folder_;
};

}  // namespace fog
