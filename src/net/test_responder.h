// For tests: a responder that keeps whole answers. One thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "net/http_server.h"

namespace tidemark::net {

class TestResponder final : public Responder {
 public:
  // `answers` gets them and must outlive it.
  explicit TestResponder(std::vector<Response>* answers) : answers_(answers) {}
  void Send(Response response) override { answers_->push_back(std::move(response)); }
  void Start(int, std::string, Headers) override {}
  Status Write(std::string) override { return {}; }
  Result<bool> TryWrite(std::string) override { return true; }
  void Finish() override {}
  bool cancelled() const override { return false; }
  void OnCancel(std::function<void()>) override {}

 private:
  std::vector<Response>* answers_;
};

}  // namespace tidemark::net
