package dev.millrace.client;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.opentest4j.TestAbortedException;
import org.reactivestreams.tck.PublisherVerification;
import org.testng.SkipException;
import org.testng.annotations.Test;

/**
 * Runs the Reactive Streams TCK's rules as JUnit tests. They're written for TestNG, whose engine
 * for JUnit would be one more runner to keep in step; they need nothing of it but their names.
 */
final class Tck {
  private Tck() {}

  static Stream<DynamicTest> rules(PublisherVerification<?> verification) {
    return Arrays.stream(PublisherVerification.class.getMethods())
        .filter(method -> method.isAnnotationPresent(Test.class))
        .map(method -> DynamicTest.dynamicTest(method.getName(), () -> run(verification, method)));
  }

  private static void run(PublisherVerification<?> verification, Method rule) throws Throwable {
    verification.setUp();
    try {
      rule.invoke(verification);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof SkipException skipped) {
        throw new TestAbortedException(skipped.getMessage());
      }
      throw e.getCause();
    }
  }
}
