package dev.millrace.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.TokenIds;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class TranscriptTest {
  private static final String STABLE =
      "{% for m in messages %}[{{ m.role[0] }}]{{ m.content }}{{ eos_token }}{% endfor %}"
          + "{% if add_generation_prompt %}[a]{% endif %}";

  /** Leaves the thoughts of earlier answers out, as reasoning models' templates do. */
  private static final String FORGETFUL =
      "{% for m in messages %}[{{ m.role[0] }}]{{ m.content.split('|')[-1] }}{{ eos_token }}"
          + "{% endfor %}{% if add_generation_prompt %}[a]{% endif %}";

  private static Transcript open(String template, String... turns) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder();
    request.getChatBuilder();
    for (String turn : turns) {
      request.getChatBuilder().addMessages(user(turn));
    }
    return Transcript.open(request.build(), RequestFixtures.withTemplate(template));
  }

  private static ChatMessage user(String content) {
    return ChatMessage.newBuilder().setRole("user").setContent(content).build();
  }

  private static int[] bytes(String text, int... more) {
    int[] ids = Arrays.copyOf(text.chars().toArray(), text.length() + more.length);
    System.arraycopy(more, 0, ids, text.length(), more.length);
    return ids;
  }

  @Test
  void aPromptGoesOnFromTheTokensThatWereDrawn() {
    Transcript transcript = open(STABLE, "hi");
    int[] first = transcript.nextPrompt();

    transcript.answer(bytes("yo", ByteTokenizer.EOS), "yo");
    transcript.add(List.of(user("ok")));
    int[] second = transcript.nextPrompt();

    // The token that ended the answer stays one, though its text was read from the template.
    assertThat(second)
        .startsWith(first)
        .startsWith(concat(first, bytes("yo", ByteTokenizer.EOS)))
        .hasSize(first.length + 3 + "[u]ok<eos>[a]".length());
  }

  @Test
  void aConversationHasNoMoreBytesThanAMessageThatOpensItAgain() {
    Transcript transcript = open(STABLE);
    transcript.add(List.of(user("x".repeat(3 << 20))));

    assertThatThrownBy(() -> transcript.add(List.of(user("x".repeat(3 << 20)))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("bytes; allowed are at most 4194304");
  }

  @Test
  void aLongAnswerThatEndedByItsLengthIsKept() {
    Transcript transcript = open(STABLE, "hi");
    int[] first = transcript.nextPrompt();
    String answer = "yo".repeat(100);

    transcript.answer(bytes(answer), answer);
    transcript.add(List.of(user("ok")));

    assertThat(transcript.nextPrompt())
        .isEqualTo(concat(first, bytes(answer + "<eos>[u]ok<eos>[a]")));
  }

  @Test
  void anAnswerThatWasCutOffIsReadAsItsText() {
    Transcript transcript = open(STABLE, "hi");
    int[] first = transcript.nextPrompt();

    transcript.answer(bytes("yo STOP"), "yo ");
    transcript.add(List.of(user("ok")));

    assertThat(transcript.nextPrompt()).isEqualTo(concat(first, bytes("yo <eos>[u]ok<eos>[a]")));
  }

  @Test
  void aTemplateThatChangesThePastIsReadAgainFromThere() {
    Transcript transcript = open(FORGETFUL, "hi");
    int[] first = transcript.nextPrompt();

    transcript.answer(bytes("hm|yo", ByteTokenizer.EOS), "hm|yo");
    transcript.add(List.of(user("ok")));

    assertThat(transcript.nextPrompt()).isEqualTo(concat(first, bytes("yo<eos>[u]ok<eos>[a]")));
  }

  @Test
  void aDroppedAnswerLeavesItsPrompt() {
    Transcript transcript = open(STABLE, "hi");
    int[] first = transcript.nextPrompt();
    transcript.answer(bytes("yo"), "yo");

    transcript.dropAnswer();

    assertThat(transcript.lastPrompt()).isEqualTo(first);
    assertThat(transcript.hasAnswer()).isFalse();
    transcript.answer(bytes("no", ByteTokenizer.EOS), "no");
    transcript.add(List.of(user("ok")));
    assertThat(transcript.nextPrompt()).startsWith(concat(first, bytes("no", ByteTokenizer.EOS)));
  }

  @Test
  void anAnswerIsWantedBehindWhatOthersSay() {
    assertThat(open(STABLE, "hi").wantsAnswer()).isTrue();
    assertThat(open(STABLE).wantsAnswer()).isFalse();
    GenerateRequest.Builder system = GenerateRequest.newBuilder();
    system.getChatBuilder().addMessages(ChatMessage.newBuilder().setRole("system"));
    assertThat(Transcript.open(system.build(), RequestFixtures.withTemplate(STABLE)).wantsAnswer())
        .isFalse();
  }

  @Test
  void aHistoryOfTokensTakesNoMessages() {
    GenerateRequest ids =
        GenerateRequest.newBuilder().setTokenIds(TokenIds.newBuilder().addIds(65)).build();
    Transcript transcript = Transcript.open(ids, RequestFixtures.MODEL);

    assertThat(transcript.wantsAnswer()).isTrue();
    assertThat(transcript.nextPrompt()).containsExactly(65);
    assertThatThrownBy(() -> transcript.add(List.of(user("x"))))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("open it with chat");
  }

  private static int[] concat(int[] a, int[] b) {
    int[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }
}
