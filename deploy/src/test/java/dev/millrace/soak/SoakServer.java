package dev.millrace.soak;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.PlatformManagedObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * {@code millrace serve} in a JVM of its own, of this one's class path: small enough that blocks
 * are always short and the queue is often full. What it says of its memory is asked by JMX.
 */
final class SoakServer implements AutoCloseable {
  private static final List<String> FLAGS =
      List.of(
          "serve --port 0 --model synthetic:tiny --threads 1 --kv-cache-mib 1",
          "--max-running 32 --max-waiting 48 --max-batch-tokens 256",
          // Whoever stops the soak for a while, to measure something else, stops steps and readers.
          "--stall-timeout 1s --priority-ageing 1s --step-timeout 30m");

  private static final Pattern SERVING = Pattern.compile("msg=\"serving\".* port=\"(\\d+)\"");
  private static final Pattern OFF_HEAP =
      Pattern.compile("-\\s+Other \\(reserved=\\d+KB, committed=(\\d+)KB\\)");
  private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");

  /** A warning, an error, or a line of its stack trace. */
  private static final Pattern COMPLAINT =
      Pattern.compile("level=(WARN|ERROR)|^(?!time=|WARNING: Using incubator)");

  private static final int START_SECONDS = 180;
  private static final int MOST_COMPLAINTS = 50;

  /**
   * In KiB.
   *
   * @param heap live behind a full collection
   * @param offHeap direct buffers, gRPC's and ours: what the JVM counts as Unsafe's
   * @param resident all of the process
   */
  record Memory(long heap, long offHeap, long resident, int threads, long files) {}

  private final Process process;
  private final RequestLog requests = new RequestLog();
  private final List<String> complaints = new ArrayList<>(); // guarded by itself
  private final CompletableFuture<Integer> port = new CompletableFuture<>();
  private final JMXConnector connector;
  private final MBeanServerConnection beans;

  @SuppressWarnings("BanJNDI") // the address is our own child's
  private SoakServer(Process process) throws IOException {
    this.process = process;
    Thread.ofPlatform().daemon().start(this::readLog);
    try {
      awaitPort();
      VirtualMachine machine = VirtualMachine.attach(Long.toString(process.pid()));
      String address = machine.startLocalManagementAgent();
      machine.detach();
      connector = JMXConnectorFactory.connect(new JMXServiceURL(address));
      beans = connector.getMBeanServerConnection();
    } catch (AttachNotSupportedException | IOException e) {
      process.destroyForcibly();
      throw new IOException("can't watch the server", e);
    }
  }

  static SoakServer start() throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("-Xmx512m", "-XX:NativeMemoryTracking=summary"));
    arguments.add("dev.millrace.cli.Millrace");
    FLAGS.forEach(flags -> arguments.addAll(List.of(flags.split(" "))));
    return new SoakServer(java(arguments).start());
  }

  /** A JVM with this one's class path and modules. */
  static ProcessBuilder java(List<String> arguments) {
    List<String> words = new ArrayList<>();
    words.add(ProcessHandle.current().info().command().orElseThrow());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--"))
        .forEach(words::add);
    words.addAll(List.of("-cp", System.getProperty("java.class.path")));
    words.addAll(arguments);
    return new ProcessBuilder(words).redirectOutput(ProcessBuilder.Redirect.DISCARD);
  }

  private void readLog() {
    try (BufferedReader reader = process.errorReader()) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        Matcher serving = SERVING.matcher(line);
        if (serving.find()) {
          port.complete(Integer.parseInt(serving.group(1)));
        } else if (!requests.take(line) && COMPLAINT.matcher(line).find()) {
          complain(line);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    complain("the server ended");
    port.completeExceptionally(new IOException("the server ended: " + complaints()));
  }

  private void complain(String line) {
    synchronized (complaints) {
      if (complaints.size() < MOST_COMPLAINTS) {
        complaints.add(line);
      }
    }
  }

  /** Warnings and errors of its log; none is expected. */
  List<String> complaints() {
    synchronized (complaints) {
      return List.copyOf(complaints);
    }
  }

  private void awaitPort() throws IOException {
    try {
      port.get(START_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException | InterruptedException | java.util.concurrent.ExecutionException e) {
      throw new IOException("the server doesn't serve", e);
    }
  }

  String target() {
    return "127.0.0.1:" + port.join();
  }

  RequestLog requests() {
    return requests;
  }

  /** Collects garbage first. */
  Memory memory() throws IOException {
    MemoryMXBean memory = bean(MemoryMXBean.class);
    memory.gc();
    long heap = memory.getHeapMemoryUsage().getUsed() >> 10;
    long files =
        bean(com.sun.management.UnixOperatingSystemMXBean.class).getOpenFileDescriptorCount();
    int threads = bean(java.lang.management.ThreadMXBean.class).getThreadCount();
    String status = Files.readString(Path.of("/proc/" + process.pid() + "/status"));
    return new Memory(
        heap, number(OFF_HEAP, nativeMemory()), number(RESIDENT, status), threads, files);
  }

  private <T extends PlatformManagedObject> T bean(Class<T> type) throws IOException {
    return ManagementFactory.getPlatformMXBean(beans, type);
  }

  private String nativeMemory() throws IOException {
    try {
      Object[] arguments = {new String[] {"summary"}};
      String[] signature = {String[].class.getName()};
      ObjectName commands = new ObjectName("com.sun.management:type=DiagnosticCommand");
      return (String) beans.invoke(commands, "vmNativeMemory", arguments, signature);
    } catch (JMException e) {
      throw new IOException("can't ask for native memory", e);
    }
  }

  private static long number(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new IllegalStateException("no " + pattern + " in:\n" + text);
    }
    return Long.parseLong(matcher.group(1));
  }

  @Override
  public void close() throws IOException {
    connector.close();
    process.destroyForcibly();
  }
}
