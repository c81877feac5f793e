package dev.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GenerationStarted;
import dev.millrace.v1.GenerationSummary;
import dev.millrace.v1.PromptProcessed;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.Usage;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * What a server answers, without a server: the contract's events in order, any number of tokens,
 * candidates interleaved, and resumption from exactly what the caller gives back.
 */
public final class FakeModel {
  private static final ByteString RESUME_TOKEN = ByteString.copyFromUtf8("take me up again");

  private FakeModel() {}

  public static GenerateRequest request(int tokens) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText("It is easy");
    request.getStopBuilder().setMaxTokens(tokens);
    return request.build();
  }

  static int candidates(GenerateRequest request) {
    return Math.max(1, request.getCandidateCount());
  }

  public static long eventCount(GenerateRequest request) {
    return 2 + candidates(request) * (request.getStop().getMaxTokens() + 1L) + 1;
  }

  /** All events, or those behind what the caller has; made one by one. */
  public static Iterator<GenerateResponse> events(GenerateRequest request) {
    long from = 0;
    if (request.hasResume()) {
      Resume resume = request.getResume();
      from = resume.getAfterSequenceNumber() + 1;
      assertThat(resume.getToken()).isEqualTo(RESUME_TOKEN);
      assertThat(resume.getCandidatesList().stream().map(ids -> ids.getIdsList()))
          .as("the tokens given back with event %s", from)
          .isEqualTo(tokensBefore(request, from));
    }
    return LongStream.range(from, eventCount(request)).mapToObj(n -> event(request, n)).iterator();
  }

  private static List<List<Integer>> tokensBefore(GenerateRequest request, long event) {
    int count = candidates(request);
    long deltas = Math.clamp(event - 2, 0, (long) count * request.getStop().getMaxTokens());
    return IntStream.range(0, count)
        .mapToObj(
            candidate ->
                LongStream.range(0, deltas)
                    .filter(d -> d % count == candidate)
                    .mapToObj(d -> tokenId((int) (d / count), candidate))
                    .toList())
        .toList();
  }

  private static GenerateResponse event(GenerateRequest request, long number) {
    int count = candidates(request);
    int tokens = request.getStop().getMaxTokens();
    long delta = number - 2;
    long finished = delta - (long) count * tokens;
    GenerateResponse.Builder event = GenerateResponse.newBuilder().setSequenceNumber(number);
    if (number == 0) {
      event.setStarted(GenerationStarted.newBuilder().setResumeToken(RESUME_TOKEN));
    } else if (number == 1) {
      event.setPrompt(PromptProcessed.getDefaultInstance());
    } else if (finished < 0) {
      int candidate = (int) (delta % count);
      int id = tokenId((int) (delta / count), candidate);
      event.setDelta(
          TextDelta.newBuilder()
              .setCandidate(candidate)
              .setText(String.format("%7d ", id))
              .addTokenIds(id));
    } else if (finished < count) {
      event.setFinished(
          CandidateFinished.newBuilder()
              .setCandidate((int) finished)
              .setReason(FinishReason.FINISH_REASON_MAX_TOKENS));
    } else {
      event.setSummary(
          GenerationSummary.newBuilder()
              .setUsage(Usage.newBuilder().setCompletionTokens(count * tokens)));
    }
    return event.build();
  }

  private static int tokenId(int position, int candidate) {
    return Math.floorMod((position * 31 + candidate) * 0x9E3779B9, 49152);
  }
}
