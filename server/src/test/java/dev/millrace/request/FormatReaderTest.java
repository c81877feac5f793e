package dev.millrace.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import dev.millrace.request.InvalidRequestException.Kind;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.ResponseFormat;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TokenIds;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class FormatReaderTest {
  private static GenerateRequest.Builder request(Consumer<ResponseFormat.Builder> format) {
    GenerateRequest.Builder request = RequestFixtures.hello().toBuilder();
    format.accept(request.getResponseFormatBuilder());
    return request;
  }

  private static InvalidRequestException refusal(GenerateRequest.Builder request) {
    InvalidRequestException refused =
        catchThrowableOfType(
            InvalidRequestException.class, () -> RequestFixtures.read(request.build()));
    assertThat(refused.kind()).isEqualTo(Kind.INVALID_ARGUMENT);
    return refused;
  }

  @Test
  void aKeywordThatIsNotSupportedIsNamedWithItsPlace() {
    InvalidRequestException refused =
        refusal(
            request(
                f ->
                    f.setJsonSchema(
                        "{\"properties\": {\"a/b\": {\"contains\": {\"type\": \"string\"}}}}")));

    assertThat(refused.field()).isEqualTo("response_format.json_schema");
    assertThat(refused).hasMessageStartingWith("#/properties/a~1b/contains isn't supported: ");
  }

  @Test
  void everyKindOfFormatIsRefusedByItsOwnField() {
    assertThat(refusal(request(f -> f.setJsonSchema("{"))).field())
        .isEqualTo("response_format.json_schema");
    assertThat(refusal(request(f -> f.setRegex("("))).field()).isEqualTo("response_format.regex");
    assertThat(refusal(request(f -> f.setGrammar("root ::=" + " x"))).field())
        .isEqualTo("response_format.grammar");
    assertThat(refusal(request(ResponseFormat.Builder::getChoiceBuilder)).field())
        .isEqualTo("response_format.choice.options");
    assertThat(refusal(request(f -> {})).field()).isEqualTo("response_format");
  }

  @Test
  void aFormatOfManyBytesIsRefusedUnread() {
    String large = "a".repeat(Limits.MAX_FORMAT_BYTES);

    assertThat(refusal(request(f -> f.setRegex(large)))).hasMessageContaining("at most");
  }

  @Test
  void tokensGivenBackMustObeyTheFormat() {
    GenerateRequest.Builder request = request(f -> f.setRegex("(ab)+"));
    ByteString token = RequestFixtures.read(request.build()).started().getResumeToken();
    Resume.Builder resume = Resume.newBuilder().setToken(token).setAfterSequenceNumber(3);
    TokenIds.Builder ids = TokenIds.newBuilder().addIds('a');

    request.setResume(resume.clone().addCandidates(ids.clone().addIds('c')));
    assertThat(refusal(request).field()).isEqualTo("resume.candidates[0].ids[1]");

    request.setResume(resume.clone().addCandidates(ids.clone().addIds('b')));
    assertThat(RequestFixtures.read(request.build()).generation().resume()).isPresent();
  }
}
