package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.Engine;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.model.Metadata;
import dev.millrace.request.ByteTokenizer;
import dev.millrace.request.ChatSupport;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.InvalidRequestException;
import dev.millrace.request.Limits;
import dev.millrace.request.ModelProfile;
import dev.millrace.request.RequestReader;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.StopCriteria;
import java.lang.reflect.Proxy;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

class ConverseCallTest {
  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();

  /** Here a turn that waits begins within the signal that ends the one before. */
  @Test
  void theTurnThatRunsIsTheOneThatBeganLast() throws Exception {
    try (Loopback loopback = Loopback.hashing()) {
      ConverseCall call = call(loopback);
      Disposable running = call.responses().subscribe(arrived::add, arrived::add);
      send(
          call,
          b -> b.getOpenBuilder().setRequest(Loopback.request("hello", 1)).setCallerPicks(true));
      send(call, ConverseRequest.Builder::getRegenerateBuilder);

      pickUntilTheEnd(call);
      pickUntilTheEnd(call);

      running.dispose();
    }
  }

  /** All in the thread that sends. */
  private static ConverseCall call(Loopback loopback) {
    return call(loopback, () -> 1);
  }

  private static ConverseCall call(Loopback loopback, LongSupplier random) {
    return new ConverseCall(
        loopback.models,
        new RequestReader(random, Clock.systemUTC()),
        Schedulers.immediate(),
        new CallRecord("Converse", "somewhere").calledBy("somebody"),
        Optional.empty());
  }

  @Test
  void commandsThatWaitTakeNoMoreThanOneMessageMay() throws Exception {
    try (Loopback loopback = Loopback.scripted(request -> Flux.never())) {
      ConverseCall call = call(loopback);
      Disposable running = call.responses().subscribe(arrived::add, arrived::add);
      send(call, ConverseCallTest::hello); // whose answer doesn't end
      ChatMessage large = ChatMessage.newBuilder().setContent("x".repeat(2 << 20)).build();

      send(call, b -> b.getTurnBuilder().addMessages(large));
      assertThat(arrived).isEmpty();
      send(call, b -> b.getTurnBuilder().addMessages(large));
      send(call, b -> b.getTurnBuilder().addMessages(large));

      assertThat(arrived)
          .singleElement(InstanceOfAssertFactories.type(InvalidRequestException.class))
          .extracting(InvalidRequestException::kind)
          .isEqualTo(InvalidRequestException.Kind.RESOURCE_EXHAUSTED);
      running.dispose();
    }
  }

  @Test
  void commandsThatHaveBegunTakeNothing() throws Exception {
    try (Loopback loopback = Loopback.scripted(ConverseCallTest::nothing)) {
      ConverseCall call = call(loopback);
      Disposable running = call.responses().subscribe(arrived::add, arrived::add);
      send(call, ConverseCallTest::hello);
      StopCriteria.Builder stop = StopCriteria.newBuilder();
      for (int i = 0; i < Limits.MAX_STOP_SEQUENCES; i++) {
        stop.addSequences("x".repeat(Limits.MAX_STOP_SEQUENCE_BYTES));
      }
      int size = stop.build().getSerializedSize();

      for (int sent = 0; sent < 2 * TransportLimits.DEFAULT.maxMessageBytes(); sent += size) {
        send(call, b -> b.getRegenerateBuilder().setStop(stop));
      }

      assertThat(arrived).allMatch(ConverseResponse.class::isInstance);
      running.dispose();
    }
  }

  @Test
  void anInterruptionOfAnOpeningThatWantsNoAnswerIsOverWithIt() throws Exception {
    assertThat(endOfTheFirstTurn(ConverseCallTest::interrupt, ConverseCallTest::say))
        .isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
  }

  @Test
  void anInterruptionMeansTheTurnThatWaitsForTheOpening() throws Exception {
    Consumer<ConverseCall> both =
        call -> {
          say(call);
          interrupt(call);
        };
    assertThat(endOfTheFirstTurn(both, call -> {}))
        .isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
  }

  @Test
  void anInterruptionMeansNoTurnThatComesBehindIt() throws Exception {
    Consumer<ConverseCall> both =
        call -> {
          interrupt(call);
          say(call);
        };
    assertThat(endOfTheFirstTurn(both, call -> {}))
        .isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
  }

  private static void interrupt(ConverseCall call) {
    send(call, ConverseRequest.Builder::getInterruptBuilder);
  }

  private static void say(ConverseCall call) {
    ChatMessage message = ChatMessage.newBuilder().setRole("user").setContent("hi").build();
    send(call, b -> b.getTurnBuilder().addMessages(message));
  }

  private FinishReason endOfTheFirstTurn(
      Consumer<ConverseCall> whileItOpens, Consumer<ConverseCall> then) throws Exception {
    try (Loopback loopback = Loopback.hashing()) {
      ServedModel served = loopback.models.find("");
      String template = "{% for m in messages %}{{ m.content }}{% endfor %}";
      ChatSupport chat =
          ChatSupport.of(
              new Metadata(Map.of("tokenizer.chat_template", template)),
              served.profile().tokenizer());
      publish(loopback, served.profile().with(chat), served.engine());
      AtomicReference<Runnable> whileReading = new AtomicReference<>(() -> {});
      ConverseCall call =
          call(
              loopback,
              () -> {
                whileReading.getAndSet(() -> {}).run();
                return 1;
              });
      Disposable running = call.responses().subscribe(arrived::add, arrived::add);
      whileReading.set(() -> whileItOpens.accept(call));

      GenerateRequest.Builder empty = Loopback.request("", 200).toBuilder().clearText();
      send(call, b -> b.getOpenBuilder().setRequest(empty));
      then.accept(call);

      ConverseResponse event;
      do {
        event = next();
      } while (!event.hasFinished());
      running.dispose();
      return event.getFinished().getReason();
    }
  }

  private static void publish(Loopback loopback, ModelProfile profile, Engine engine) {
    ServedModel served = loopback.models.find("");
    loopback.models.publish(
        List.of(
            new ServedModel(
                served.reference(), profile, served.description(), engine, served.generator())));
  }

  private ConverseResponse next() throws InterruptedException {
    Object next = arrived.poll(Loopback.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertThat(next).isInstanceOf(ConverseResponse.class);
    return (ConverseResponse) next;
  }

  private static Flux<GenerationEvent> nothing(GenerationRequest request) {
    Duration no = Duration.ZERO;
    return Flux.just(
        new GenerationEvent.Finished(0, GenerationEvent.FinishReason.MAX_TOKENS, "", 0),
        new GenerationEvent.Summary(
            GenerationEvent.Usage.NONE, new GenerationEvent.Timings(no, no, no, no)));
  }

  @Test
  void aConversationThatIsCancelledWhileItOpensLeavesNoSession() throws Exception {
    assertThat(sessionsLeftWhen((call, running) -> running.dispose())).isEmpty();
  }

  @Test
  void aConversationThatFailsWhileItOpensLeavesNoSession() throws Exception {
    assertThat(sessionsLeftWhen((call, running) -> send(call, ConverseCallTest::hello))).isEmpty();
    assertThat(arrived.remove()).isInstanceOf(InvalidRequestException.class);
  }

  @Test
  void aConversationThatIsCancelledLaterLeavesNoSession() throws Exception {
    assertThat(sessionsLeftWhen((call, running) -> {})).isEmpty();
  }

  private static void hello(ConverseRequest.Builder command) {
    command.getOpenBuilder().setRequest(Loopback.request("hello", 1));
  }

  /** Sessions that are open behind a call's end, if something comes while its prompt is read. */
  private Set<Long> sessionsLeftWhen(BiConsumer<ConverseCall, Disposable> comes) throws Exception {
    try (Loopback loopback = Loopback.starting()) {
      AtomicReference<Runnable> whileReading = new AtomicReference<>(() -> {});
      Tokenizer tokenizer =
          new ByteTokenizer() {
            @Override
            public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
              whileReading.getAndSet(() -> {}).run();
              return super.encode(text, addSpecial, parseSpecial);
            }
          };
      loopback.serve(request -> Flux.never(), tokenizer);
      ServedModel served = loopback.models.find("");
      Set<Long> sessions = new HashSet<>();
      publish(loopback, served.profile(), countingSessions(served.engine(), sessions));
      ConverseCall call = call(loopback);
      Disposable running = call.responses().subscribe(arrived::add, arrived::add);
      whileReading.set(() -> comes.accept(call, running));

      send(call, ConverseCallTest::hello);
      running.dispose();

      return sessions;
    }
  }

  private static Engine countingSessions(Engine engine, Set<Long> open) {
    return (Engine)
        Proxy.newProxyInstance(
            Engine.class.getClassLoader(),
            new Class<?>[] {Engine.class},
            (proxy, method, arguments) -> {
              Object answer = method.invoke(engine, arguments);
              switch (method.getName()) {
                case "openSession" -> open.add((Long) answer);
                case "closeSession" -> open.remove((Long) arguments[0]);
                default -> {}
              }
              return answer;
            });
  }

  private static void send(ConverseCall call, Consumer<ConverseRequest.Builder> command) {
    ConverseRequest.Builder builder = ConverseRequest.newBuilder();
    command.accept(builder);
    call.onNext(builder.build());
  }

  private void pickUntilTheEnd(ConverseCall call) throws InterruptedException {
    ConverseResponse event;
    do {
      event = next();
      if (event.hasPick()) {
        ConverseResponse.PickRequest asked = event.getPick();
        send(call, b -> b.getPickBuilder().setPosition(asked.getPosition()).setId('a'));
      }
    } while (!event.hasSummary());
  }
}
