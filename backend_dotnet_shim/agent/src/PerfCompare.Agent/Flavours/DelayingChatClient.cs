using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace PerfCompare.Agent.Flavours;

/// <summary>Waits inside the framework, before the inner client is called.</summary>
internal sealed class DelayingChatClient(IChatClient inner, ModelDelay delay) : DelegatingChatClient(inner)
{
    public override async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        await delay.WaitAsync(cancellationToken).ConfigureAwait(false);
        return await base.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
    }

    public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await delay.WaitAsync(cancellationToken).ConfigureAwait(false);
        var updates = base.GetStreamingResponseAsync(messages, options, cancellationToken);
        await foreach (var update in updates.ConfigureAwait(false))
        {
            yield return update;
        }
    }
}
