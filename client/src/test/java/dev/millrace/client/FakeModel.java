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
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * What a server answers, without a server: the contract's events in order, any number of tokens,
 * candidates interleaved, and resumption from what the caller gives back, with several candidates
 * in another order than before.
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
    if (!request.hasResume()) {
      return LongStream.range(0, eventCount(request)).mapToObj(n -> event(request, n)).iterator();
    }
    Resume resume = request.getResume();
    assertThat(resume.getToken()).isEqualTo(RESUME_TOKEN);
    long after = resume.getAfterSequenceNumber();
    List<Long> rest = candidates(request) == 1 ? restOfOne(request) : restOfSeveral(request);
    return IntStream.range(0, rest.size())
        .mapToObj(i -> event(request, rest.get(i)).toBuilder().setSequenceNumber(after + 1 + i))
        .map(GenerateResponse.Builder::build)
        .iterator();
  }

  private static List<Long> restOfOne(GenerateRequest request) {
    int tokens = request.getStop().getMaxTokens();
    long next = request.getResume().getAfterSequenceNumber() + 1;
    assertThat((long) tokensGivenBack(request, 0)).isEqualTo(Math.clamp(next - 2, 0, tokens));
    return LongStream.range(next, eventCount(request)).boxed().toList();
  }

  /** Of those that have ended, their ends again; then the others, the last one first. */
  private static List<Long> restOfSeveral(GenerateRequest request) {
    int count = candidates(request);
    int tokens = request.getStop().getMaxTokens();
    long ends = 2 + (long) count * tokens;
    long next = request.getResume().getAfterSequenceNumber() + 1;
    List<Long> rest = new ArrayList<>(LongStream.range(next, 2).boxed().toList());
    for (int candidate = 0; candidate < count; candidate++) {
      if (tokensGivenBack(request, candidate) == tokens) {
        rest.add(ends + candidate);
      }
    }
    for (int candidate = count - 1; candidate >= 0; candidate--) {
      int known = tokensGivenBack(request, candidate);
      for (long position = known; position < tokens; position++) {
        rest.add(2 + position * count + candidate);
      }
      if (known < tokens) {
        rest.add(ends + candidate);
      }
    }
    rest.add(ends + count);
    return rest;
  }

  private static int tokensGivenBack(GenerateRequest request, int candidate) {
    List<Integer> ids = request.getResume().getCandidates(candidate).getIdsList();
    assertThat(ids)
        .isEqualTo(IntStream.range(0, ids.size()).mapToObj(i -> tokenId(i, candidate)).toList());
    return ids.size();
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
