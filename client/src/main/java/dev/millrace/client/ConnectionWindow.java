package dev.millrace.client;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2LocalFlowController;
import io.netty.handler.codec.http2.Http2Stream;

/**
 * Widens a connection's own HTTP/2 window when the first bytes come in. gRPC gives the connection
 * the same window as each of its streams, so that all streams together would get no more through a
 * round trip than one may. Here the streams' windows are what bounds; the connection's never does.
 */
final class ConnectionWindow extends ChannelInboundHandlerAdapter {
  /** Two million full streams of 512 bytes. Nothing is allocated for it. */
  private static final int BYTES = 1 << 30;

  private ConnectionWindow() {}

  static <C extends Channel> C widen(C channel) {
    channel.pipeline().addLast(new ConnectionWindow());
    return channel;
  }

  /** By then gRPC's handler is in place and has set its window. */
  @Override
  public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
    Http2ConnectionHandler http2 = context.pipeline().get(Http2ConnectionHandler.class);
    if (http2 != null) {
      Http2LocalFlowController flow = http2.connection().local().flowController();
      Http2Stream connection = http2.connection().connectionStream();
      flow.incrementWindowSize(connection, BYTES - flow.initialWindowSize(connection));
      context.pipeline().remove(this);
    }
    context.fireChannelRead(message);
  }
}
