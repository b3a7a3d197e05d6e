using System.Net;
using System.Net.Sockets;

namespace PerfCompare.Agent.Model;

/// <summary>
/// The HTTP client below the chat client: no proxy, no cookies, no redirects, no headers of the
/// runtime's own, and no time limit but the iteration's.
/// </summary>
internal static class ModelHttpClient
{
    private static readonly TimeSpan s_idleTimeout = TimeSpan.FromSeconds(60);

    public static HttpClient Create(
        ModelEndpoint endpoint,
        Func<HttpMessageHandler, HttpMessageHandler>? instrument = null)
    {
        var sockets = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            PooledConnectionIdleTimeout = s_idleTimeout,
            ConnectCallback = (context, cancellationToken) =>
                DialAsync(endpoint.ConnectTo ?? (EndPoint)context.DnsEndPoint, cancellationToken),
        };
        var client = new HttpClient(instrument is null ? sockets : instrument(sockets))
        {
            BaseAddress = endpoint.BaseAddress,
            Timeout = Timeout.InfiniteTimeSpan,
        };

        // The Python client cannot leave these two out; the server shall see the same from both.
        client.DefaultRequestHeaders.Accept.ParseAdd("application/json");
        client.DefaultRequestHeaders.AcceptEncoding.ParseAdd("identity");
        return client;
    }

    private static async ValueTask<Stream> DialAsync(EndPoint target, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
