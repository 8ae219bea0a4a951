// Which handler a path finds, and with what in its parameters.

#include "net/router.h"

#include <gtest/gtest.h>

#include "net/test_responder.h"

namespace tidemark::net {
namespace {

class RouterTest : public testing::Test {
 protected:
  void Add(Method method, std::string_view path) {
    router_.Add(method, path,
                [path = std::string(path)](const Request& request,
                                           const std::shared_ptr<Responder>& responder) {
                  Response response;
                  response.body = path + " ";
                  for (const char* name : {"subject", "version", "*"}) {
                    response.body.append("[").append(request.PathParameter(name)).append("]");
                  }
                  responder->Send(std::move(response));
                });
  }
  std::string Ask(std::string_view target, Method method = Method::kGet) {
    Request request;
    request.method = method;
    request.SetTarget(target);
    std::vector<Response> answers;
    router_.Handle(std::move(request), std::make_shared<TestResponder>(&answers));
    const Response& answer = answers.at(0);
    return answer.status == 200 ? answer.body : std::to_string(answer.status);
  }

  Router router_;
};

TEST_F(RouterTest, FindsExactPathsBeforePatterns) {
  Add(Method::kGet, "/subjects/{subject}");
  Add(Method::kGet, "/subjects/all");
  EXPECT_EQ(Ask("/subjects/all"), "/subjects/all [][][]");
  EXPECT_EQ(Ask("/subjects/al%6C"), "/subjects/all [][][]");
  EXPECT_EQ(Ask("/subjects/one"), "/subjects/{subject} [one][][]");
  EXPECT_EQ(Ask("/subjects/one", Method::kPost), "405");
  EXPECT_EQ(Ask("/subject/one"), "404");
}

TEST_F(RouterTest, AnEncodedSlashIsPartOfAParameterAndIsDecodedOnce) {
  Add(Method::kGet, "/subjects/{subject}/versions/{version}");
  Add(Method::kPost, "/subjects/{subject}");
  const std::string path = "/subjects/{subject}/versions/{version} ";
  EXPECT_EQ(Ask("/subjects/a%2Fb%2fversions/versions/1"), path + "[a/b/versions][1][]");
  EXPECT_EQ(Ask("/subjects/a%252Fb/versions/1"), path + "[a%2Fb][1][]");
  EXPECT_EQ(Ask("/%73ubjects/%C3%BC+x/versions/1%20"), path + "[ü+x][1 ][]");
  EXPECT_EQ(Ask("/subjects/a/b", Method::kPost), "404");
  EXPECT_EQ(Ask("/subjects/a%2Fversions%2F1", Method::kPost),
            "/subjects/{subject} [a/versions/1][][]");
}

TEST_F(RouterTest, NamesAllThatWasAdded) {
  Add(Method::kPost, "/a/{subject}");
  Add(Method::kGet, "/b");
  Add(Method::kGet, "/a/{subject}");
  Add(Method::kGet, "/c/*");
  using Added = std::vector<std::pair<Method, std::string>>;
  EXPECT_EQ(router_.Added(), (Added{{Method::kGet, "/b"},
                                    {Method::kGet, "/a/{subject}"},
                                    {Method::kPost, "/a/{subject}"},
                                    {Method::kGet, "/c/*"}}));
  EXPECT_EQ(Ask("/c/d%2Fe/f"), "/c/* [][][d/e/f]");
}

}  // namespace
}  // namespace tidemark::net
