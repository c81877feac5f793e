package dev.millrace.soak;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.MillraceException;
import dev.millrace.soak.Heard.Tokens;
import dev.millrace.soak.Ledger.End;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.Priority;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TokenIds;
import dev.millrace.v1.Usage;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Sinks;

/**
 * Asks for one thing after another, and treats each call in another way: reads it, reads it slowly,
 * leaves it, goes on with it by another connection, gives it little time. What it hears must be
 * what was heard when the request ran alone, or the beginning of it.
 */
final class User {
  private static final int READ_AHEAD = 64;
  private static final Set<String> REFUSALS =
      Set.of("QUEUE_FULL", "QUEUE_TIMEOUT", "REQUESTS_PENDING");
  private static final List<Priority> PRIORITIES =
      List.of(Priority.PRIORITY_BATCH, Priority.PRIORITY_NORMAL, Priority.PRIORITY_INTERACTIVE);

  /** How a reader reads. */
  private record Manner(int readAhead, int longestPauseMillis, int leavesAfter) {
    static Manner drawn(RandomGenerator random, boolean gentle) {
      int leavesAfter = gentle || random.nextInt(3) > 0 ? Integer.MAX_VALUE : random.nextInt(60);
      return switch (random.nextInt(6)) {
        case 0 -> new Manner(1, 30, leavesAfter);
        case 1 -> new Manner(1, 2, leavesAfter);
        default -> new Manner(READ_AHEAD, 0, leavesAfter);
      };
    }
  }

  private final String name;
  private final Answers answers;
  private final List<MillraceClient> clients;
  private final List<MillraceClient> hasty; // clients with short deadlines
  private final RandomGenerator random;
  private final Ledger ledger;
  private int asked;

  User(
      String name,
      Answers answers,
      List<MillraceClient> clients,
      List<MillraceClient> hasty,
      RandomGenerator random,
      Ledger ledger) {
    this.name = name;
    this.answers = answers;
    this.clients = clients;
    this.hasty = hasty;
    this.random = random;
    this.ledger = ledger;
  }

  /**
   * @param gentle whether every call may run to its end
   */
  void ask(BooleanSupplier goesOn, boolean gentle) {
    while (goesOn.getAsBoolean()) {
      String id = name + "-" + asked++;
      try {
        switch (random.nextInt(12)) {
          case 0 -> bad(id);
          case 1 -> once(id);
          case 2 -> converse(id, gentle);
          case 3 -> hurry(id, gentle);
          default -> generate(id, gentle);
        }
      } catch (MillraceException e) {
        ended(id, e);
      } catch (RuntimeException | InterruptedException e) {
        ledger.failed(id + ": " + e);
      }
    }
  }

  private void ended(String id, MillraceException failure) {
    failure.usage().ifPresent(usage -> ledger.told(id, Tokens.of(usage), 0));
    if (REFUSALS.contains(failure.reason())) {
      ledger.ended(End.REFUSED);
    } else if (failure.code() == Status.Code.UNAVAILABLE) {
      ledger.ended(End.LOST);
    } else {
      ledger.failed(id + ": " + failure);
    }
  }

  private MillraceClient client() {
    return clients.get(random.nextInt(clients.size()));
  }

  /** With all that must not change the answer. */
  private GenerateRequest request(int which, String id) {
    GenerateRequest.Builder request =
        answers.catalogue().requests().get(which).toBuilder()
            .setRequestId(id)
            .setPriority(PRIORITIES.get(random.nextInt(PRIORITIES.size())));
    switch (random.nextInt(6)) {
      case 0 -> request.setCacheSalt("one");
      case 1 -> request.setCacheSalt("another");
      case 2 -> request.setMaxQueueTime(millis(20 + random.nextInt(5_000)));
      default -> {}
    }
    return request.build();
  }

  private static Duration millis(int millis) {
    return Durations.fromMillis(millis);
  }

  // ---- ways to ask

  private void generate(String id, boolean gentle) throws InterruptedException {
    int which = random.nextInt(answers.catalogue().requests().size());
    Manner manner = Manner.drawn(random, gentle);
    GenerateRequest request = request(which, id);
    Heard heard = new Heard();
    Hearing end = hear(client(), request, manner, heard);
    if (end.whole() == null && end.resumeToken() != null && random.nextBoolean()) {
      compare(id, heard, answers.of(which));
      goOn(request, which, heard, end);
      return;
    }
    compare(id, heard, answers.of(which), end.whole());
  }

  private void goOn(GenerateRequest request, int which, Heard heard, Hearing broken)
      throws InterruptedException {
    Resume.Builder resume =
        Resume.newBuilder()
            .setToken(Objects.requireNonNull(broken.resumeToken()))
            .setAfterSequenceNumber(broken.lastNumber());
    IntStream.range(0, request.getCandidateCount())
        .forEach(
            candidate ->
                resume.addCandidates(TokenIds.newBuilder().addAllIds(heard.ids(candidate))));
    String id = request.getRequestId();
    GenerateRequest again = request.toBuilder().setResume(resume).build();
    int before = heard.tokens();
    Hearing end;
    try {
      end = hear(client(), again, new Manner(READ_AHEAD, 0, Integer.MAX_VALUE), heard);
    } catch (MillraceException e) {
      // Refused at the door, it tells of none.
      ledger.gaveBack(Math.min(before, e.usage().map(Usage::getCompletionTokens).orElse(0)));
      throw e;
    }
    ledger.gaveBack(before);
    compare(id, heard, answers.of(which), end.whole());
    ledger.ended(End.RESUMED);
  }

  private void once(String id) {
    int which = random.nextInt(answers.catalogue().requests().size());
    GenerateOnceResponse response = client().generateOnce(request(which, id)).block();
    Heard heard = new Heard();
    for (GenerateOnceResponse.Candidate candidate : response.getCandidatesList()) {
      heard.add(
          TextDelta.newBuilder()
              .setCandidate(candidate.getFinished().getCandidate())
              .setText(candidate.getText())
              .addAllTokenIds(candidate.getTokenIdsList())
              .addAllTokens(candidate.getTokensList())
              .build());
      heard.add(candidate.getFinished());
    }
    compare(id, heard, answers.of(which), response.getSummary().getUsage());
  }

  /** Little time, by deadline or by time limit. */
  private void hurry(String id, boolean gentle) throws InterruptedException {
    if (gentle) {
      generate(id, true);
      return;
    }
    int which = random.nextInt(answers.catalogue().requests().size());
    GenerateRequest.Builder request = request(which, id).toBuilder();
    Heard heard = new Heard();
    MillraceClient client = client();
    if (random.nextBoolean()) {
      request.getStopBuilder().setTimeLimit(millis(1 + random.nextInt(400)));
    } else {
      client = hasty.get(random.nextInt(hasty.size()));
    }
    try {
      Hearing end = hear(client, request.build(), Manner.drawn(random, true), heard);
      compare(id, heard, answers.of(which));
      ledger.told(id, Tokens.of(Objects.requireNonNull(end.whole())), 1);
      ledger.ended(End.WHOLE);
    } catch (MillraceException e) {
      compare(id, heard, answers.of(which));
      if (e.code() != Status.Code.DEADLINE_EXCEEDED) {
        throw e;
      }
      e.usage().ifPresent(usage -> ledger.told(id, Tokens.of(usage), 0));
      ledger.ended(End.OUT_OF_TIME);
    }
  }

  private void bad(String id) {
    GenerateRequest request = Catalogue.bad(random).toBuilder().setRequestId(id).build();
    try {
      client().generate(request).blockLast();
      ledger.failed(id + ": was taken, and is bad: " + request);
    } catch (MillraceException e) {
      if (Set.of("INVALID_FIELD", "NEVER_FITS", "NOT_FOUND").contains(e.reason())) {
        ledger.ended(End.BAD);
      } else {
        throw e;
      }
    }
  }

  private void converse(String id, boolean gentle) throws InterruptedException {
    int which = random.nextInt(answers.catalogue().conversations().size());
    int leavesAfter = Manner.drawn(random, gentle).leavesAfter();
    List<Heard> turns = new ArrayList<>();
    Usage usage = converse(client(), answers.script(which, id), leavesAfter, turns);
    List<Heard> whole = answers.ofConversation(which);
    for (int turn = 0; turn < turns.size(); turn++) {
      compare(id, turns.get(turn), whole.get(turn));
    }
    if (usage != null && turns.size() == whole.size()) {
      ledger.told(id, Tokens.of(usage), turns.size());
      ledger.ended(End.WHOLE);
    } else {
      ledger.ended(End.LEFT);
    }
  }

  // ---- what comes

  /**
   * How a stream came to its end.
   *
   * @param whole null where the reader left before
   */
  record Hearing(@Nullable Usage whole, @Nullable ByteString resumeToken, long lastNumber) {}

  private Hearing hear(MillraceClient client, GenerateRequest request, Manner manner, Heard heard)
      throws InterruptedException {
    ByteString token = null;
    long number = 0;
    try (Stream<GenerateResponse> events = client.generate(request).toStream(manner.readAhead())) {
      Iterator<GenerateResponse> all = events.iterator();
      for (int left = manner.leavesAfter(); left > 0 && all.hasNext(); left--) {
        GenerateResponse event = all.next();
        number = event.getSequenceNumber();
        switch (event.getEventCase()) {
          case STARTED -> token = event.getStarted().getResumeToken();
          case DELTA -> heard.add(event.getDelta());
          case FINISHED -> heard.add(event.getFinished());
          case SUMMARY -> {
            return new Hearing(event.getSummary().getUsage(), token, number);
          }
          case PROMPT, EVENT_NOT_SET -> {}
        }
        pause(manner.longestPauseMillis());
      }
    }
    return new Hearing(null, token, number);
  }

  private void pause(int longestMillis) throws InterruptedException {
    if (longestMillis > 0) {
      boolean sleeps = random.nextInt(400) == 0; // longer than the server's patience
      TimeUnit.MILLISECONDS.sleep(sleeps ? 1_500 : random.nextInt(longestMillis + 1));
    }
  }

  /**
   * Asks for the next turn when the last one is over.
   *
   * @return of all turns; null if it left before
   */
  static @Nullable Usage converse(
      MillraceClient client, List<ConverseRequest> script, int leavesAfter, List<Heard> turns) {
    Sinks.Many<ConverseRequest> commands = Sinks.many().unicast().onBackpressureBuffer();
    Usage.Builder usage = Usage.newBuilder();
    int next = 0;
    commands.tryEmitNext(script.get(next++)).orThrow();
    try (Stream<ConverseResponse> events =
        client.converse(commands.asFlux()).toStream(READ_AHEAD)) {
      Iterator<ConverseResponse> all = events.iterator();
      for (int left = leavesAfter; left > 0 && all.hasNext(); left--) {
        ConverseResponse event = all.next();
        while (turns.size() <= event.getTurn()) {
          turns.add(new Heard());
        }
        switch (event.getEventCase()) {
          case DELTA -> turns.getLast().add(event.getDelta());
          case FINISHED -> turns.getLast().add(event.getFinished());
          case SUMMARY -> {
            add(usage, event.getSummary().getUsage());
            if (next == script.size()) {
              commands.tryEmitComplete().orThrow();
            } else {
              commands.tryEmitNext(script.get(next++)).orThrow();
            }
          }
          case STARTED, PROMPT, PICK, EVENT_NOT_SET -> {}
        }
        if (!all.hasNext()) {
          return usage.build();
        }
      }
    }
    return null;
  }

  private static void add(Usage.Builder sum, Usage one) {
    sum.setPromptTokens(sum.getPromptTokens() + one.getPromptTokens())
        .setCachedPromptTokens(sum.getCachedPromptTokens() + one.getCachedPromptTokens())
        .setCompletionTokens(sum.getCompletionTokens() + one.getCompletionTokens());
  }

  // ---- what it should have been

  private void compare(String id, Heard heard, Heard alone, @Nullable Usage whole) {
    if (whole == null) {
      compare(id, heard, alone);
      ledger.ended(End.LEFT);
      return;
    }
    if (!heard.equalTo(alone)) {
      ledger.failed(id + ": heard " + heard + ", alone it was " + alone);
    }
    ledger.told(id, Tokens.of(whole), 1);
    ledger.ended(End.WHOLE);
  }

  private void compare(String id, Heard heard, Heard alone) {
    if (!heard.begins(alone)) {
      ledger.failed(id + ": heard " + heard + ", which doesn't begin " + alone);
    }
  }
}
