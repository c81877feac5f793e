package dev.millrace.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.Requests;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;
import org.reactivestreams.Publisher;
import org.reactivestreams.tck.PublisherVerification;
import org.reactivestreams.tck.TestEnvironment;
import org.testng.SkipException;

/** The Reactive Streams TCK on the outlet's publisher and on the Flux made of it. */
class OutletTckTest {
  private static final long TIMEOUT_MILLIS = 1000;
  private static final long NOTHING_HAPPENS_MILLIS = 30;
  private static final int SMALL = 3;

  private final ScriptedEngine engine = new ScriptedEngine();
  private final ExecutorService pool = Executors.newFixedThreadPool(2);

  @AfterEach
  void stop() {
    engine.close();
    pool.shutdownNow();
  }

  @TestFactory
  Stream<DynamicTest> thePublisherKeepsTheRulesOfReactiveStreamsOnTheEnginesThread() {
    return rules(new Verification(Runnable::run));
  }

  @TestFactory
  Stream<DynamicTest> theGeneratorsFluxKeepsThemOnAnExecutor() {
    EngineGenerator generator = new EngineGenerator(engine, pool);
    return rules(
        new Verification(pool) {
          @Override
          public Publisher<GenerationEvent> createPublisher(long elements) {
            return generator.generate(Requests.request().maxTokens((int) elements).build());
          }
        });
  }

  private class Verification extends PublisherVerification<GenerationEvent> {
    private final Executor executor;

    Verification(Executor executor) {
      super(new TestEnvironment(TIMEOUT_MILLIS, NOTHING_HAPPENS_MILLIS));
      this.executor = executor;
    }

    @Override
    public Publisher<GenerationEvent> createPublisher(long elements) {
      int deltas = (int) Math.min(elements, Integer.MAX_VALUE);
      return new OutletPublisher(
          engine,
          Requests.request().maxTokens(deltas).build(),
          new InterruptHandle(),
          SMALL,
          executor);
    }

    @Override
    public Publisher<GenerationEvent> createFailedPublisher() {
      return createPublisher(0);
    }
  }

  private static List<Method> rules() {
    return Arrays.stream(PublisherVerification.class.getMethods())
        .filter(method -> method.isAnnotationPresent(org.testng.annotations.Test.class))
        .toList();
  }

  private static Stream<DynamicTest> rules(PublisherVerification<?> verification) {
    return rules().stream()
        .map(rule -> DynamicTest.dynamicTest(rule.getName(), () -> run(verification, rule)));
  }

  private static void run(PublisherVerification<?> verification, Method rule) throws Throwable {
    verification.setUp();
    try {
      rule.invoke(verification);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof SkipException skipped && !rule.getName().startsWith("required")) {
        throw new TestAbortedException(skipped.getMessage()); // what we don't claim, or can't be
      }
      throw e.getCause();
    }
  }

  @Test
  void theTckHasRulesToRun() {
    assertThat(rules()).filteredOn(rule -> rule.getName().startsWith("required")).hasSize(22);
  }
}
