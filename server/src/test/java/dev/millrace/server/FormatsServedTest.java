package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.json.JsonReader;
import dev.millrace.json.JsonValue;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.ResponseFormat;
import dev.millrace.v1.TextGenerationServiceGrpc.TextGenerationServiceBlockingStub;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Formats through the whole server, with a model whose weights are random. */
class FormatsServedTest {
  private static final String SCHEMA =
      """
      {"type": "object", "properties": {"name": {"type": "string", "maxLength": 8},
       "size": {"type": "integer", "minimum": 1, "maximum": 99}, "ok": {"type": "boolean"}},
       "required": ["name", "size", "ok"], "additionalProperties": false}
      """;

  private static GenerateOnceResponse answer(
      TextGenerationServiceBlockingStub stub, ResponseFormat format, long seed, int candidates) {
    GenerateRequest.Builder request =
        MillraceServerTest.request("It is easy", 200).toBuilder()
            .setResponseFormat(format)
            .setCandidateCount(candidates);
    request.getSamplingBuilder().setTemperature(1).setSeed(seed);
    request.getStopBuilder().setIgnoreEos(false);
    return stub.generateOnce(GenerateOnceRequest.newBuilder().setRequest(request).build());
  }

  @Test
  void everyCandidateObeysTheSchemaAndStaysWhatItIsAmongOthers() throws Exception {
    ResponseFormat format = ResponseFormat.newBuilder().setJsonSchema(SCHEMA).build();
    try (MillraceServer server = Servers.start(Map.of())) {
      ManagedChannel channel = Servers.channel(server);
      TextGenerationServiceBlockingStub stub = MillraceServerTest.stub(channel);
      for (int seed = 0; seed < 5; seed++) {
        GenerateOnceResponse three = answer(stub, format, seed, 3);
        GenerateOnceResponse two = answer(stub, format, seed, 2);

        assertThat(three.getCandidatesList()).hasSize(3);
        assertThat(three.getCandidatesList().subList(0, 2)).isEqualTo(two.getCandidatesList());
        for (GenerateOnceResponse.Candidate candidate : three.getCandidatesList()) {
          assertThat(candidate.getFinished().getReason())
              .isEqualTo(FinishReason.FINISH_REASON_FORMAT_COMPLETE);
          Map<String, JsonValue> members =
              ((JsonValue.Members) JsonReader.read(candidate.getText())).members();
          assertThat(members).containsOnlyKeys("name", "size", "ok");
          assertThat(members.get("ok")).isInstanceOf(JsonValue.Bool.class);
        }
      }
      channel.shutdownNow();
    }
  }

  @Test
  void everyKindOfFormatIsServed() throws Exception {
    try (MillraceServer server = Servers.start(Map.of())) {
      ManagedChannel channel = Servers.channel(server);
      TextGenerationServiceBlockingStub stub = MillraceServerTest.stub(channel);
      ResponseFormat.Builder choice = ResponseFormat.newBuilder();
      choice.getChoiceBuilder().addAllOptions(List.of("yes", "no"));

      assertThat(answer(stub, choice.build(), 1, 1).getCandidates(0).getText()).isIn("yes", "no");
      assertThat(
              answer(stub, ResponseFormat.newBuilder().setRegex("[0-9]{4}-[a-z]").build(), 1, 1)
                  .getCandidates(0)
                  .getText())
          .matches("[0-9]{4}-[a-z]");
      assertThat(
              answer(
                      stub,
                      ResponseFormat.newBuilder()
                          .setGrammar("root ::= \"(\" [ab]{3} \")\"")
                          .build(),
                      1,
                      1)
                  .getCandidates(0)
                  .getText())
          .matches("\\([ab]{3}\\)");
      channel.shutdownNow();
    }
  }
}
